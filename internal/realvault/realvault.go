// Package realvault starts real Vault servers for tests. Under -short it starts none, and skips the
// tests that need one. Package vaulttest has the Vault that most tests use. Only tests import it.
package realvault

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"goblin/vaultkit/internal/devvault"
	"goblin/vaultkit/internal/short"
)

// Start runs a real Vault server until the test ends.
func Start(t testing.TB, o devvault.Options) *devvault.Server {
	t.Helper()
	short.RealOnly(t, "a real Vault server")
	s, err := devvault.Start(t.Context(), o)
	return UntilEnd(t, s, err)
}

// StartCluster runs a cluster of real Vault servers until the test ends.
func StartCluster(t testing.TB) *devvault.Cluster {
	t.Helper()
	short.RealOnly(t, "a cluster of real Vault servers")
	c, err := devvault.StartCluster(t.Context(), devvault.ClusterOptions{})
	return UntilEnd(t, c, err)
}

// SkipOnOpenBao skips a test whose server is an OpenBao, which does not do what the test is about.
func SkipOnOpenBao(t testing.TB, server interface{ OpenBao() bool }, why string) {
	t.Helper()
	if server.OpenBao() {
		t.Skip("on OpenBao: " + why)
	}
}

// UntilEnd stops a server that has started when the test ends.
func UntilEnd[S interface{ Stop() error }](t testing.TB, s S, err error) S {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

var server *devvault.Server

// Main runs a package's tests with one real Vault server.
func Main(m *testing.M) {
	flag.Parse() // for -short
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	if testing.Short() {
		return m.Run()
	}
	var err error
	if server, err = devvault.Start(context.Background(), devvault.Options{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}()
	return m.Run()
}

// Server returns the server of Main.
func Server(t testing.TB) *devvault.Server {
	t.Helper()
	short.RealOnly(t, "a real Vault server")
	return server
}
