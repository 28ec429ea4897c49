package vaultkitvar

import (
	"testing"

	"goblin/vaultkit/internal/vaulttest"
)

func TestMain(m *testing.M) {
	vaulttest.MainWith(m, vaulttest.StageExample, func() error { return nil })
}
