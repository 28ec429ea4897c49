package approle_test

import (
	"testing"

	"goblin/vaultkit/internal/vaulttest"
)

func TestMain(m *testing.M) { vaulttest.Main(m) }
