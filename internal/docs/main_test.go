//go:build unix

package docs

import (
	"os"
	"path/filepath"
	"testing"

	"goblin/vaultkit/internal/vaultcommand"
	"goblin/vaultkit/internal/vaulttest"
)

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "vault" {
		os.Exit(vaultcommand.Main(os.Args[1:]))
	}
	vaulttest.Main(m)
}
