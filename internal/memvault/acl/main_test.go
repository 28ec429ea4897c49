package acl

import (
	"testing"

	"goblin/vaultkit/internal/realvault"
)

func TestMain(m *testing.M) { realvault.Main(m) }
