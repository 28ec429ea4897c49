package doctor_test

import (
	"os"
	"path/filepath"
	"testing"

	"goblin/vaultkit/internal/vaultcommand"
	"goblin/vaultkit/internal/vaulttest"
)

// TestMain runs the tests, or is the vault command of a fix, under the name of which a
// test links this binary.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "vault" {
		os.Exit(vaultcommand.Main(os.Args[1:]))
	}
	vaulttest.MainWith(m, vaulttest.SetEnvironment, func() error { return nil }) // for the example
}

type object = map[string]any
