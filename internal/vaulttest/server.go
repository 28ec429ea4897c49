package vaulttest

import (
	"context"
	"testing"

	"goblin/vaultkit/internal/devvault"
)

// Vault is a server that tests use.
type Vault interface {
	Addr() string
	RootToken() string
	Version() string
	AuditLog() string // the path of the audit device's file
	UnsealKey() string
	Seal(ctx context.Context) error
	Unseal(ctx context.Context) error
	Stop() error
}

// Server returns the package's Vault.
func Server() Vault { return server }

// Start runs another Vault until the test ends.
func Start(t testing.TB) Vault {
	t.Helper()
	s, err := start(t.Context())
	return untilEnd(t, s, err)
}

func start(ctx context.Context) (Vault, error) { return devvault.Start(ctx, devvault.Options{}) }

// StartReal runs a real Vault server until the test ends.
func StartReal(t testing.TB, o devvault.Options) *devvault.Server {
	t.Helper()
	RealOnly(t, "a real Vault server")
	s, err := devvault.Start(t.Context(), o)
	return untilEnd(t, s, err)
}

// StartCluster runs a cluster of real Vault servers until the test ends.
func StartCluster(t testing.TB) *devvault.Cluster {
	t.Helper()
	RealOnly(t, "a cluster of real Vault servers")
	c, err := devvault.StartCluster(t.Context(), devvault.ClusterOptions{})
	return untilEnd(t, c, err)
}

// Binary returns the program of the package's real Vault server.
func Binary(t testing.TB) string {
	t.Helper()
	RealOnly(t, "the program of a real Vault server")
	return server.(*devvault.Server).Binary()
}

// RealOnly skips a test under -short, because it needs what the Vault in the process does not
// have. It is the only reason to skip a test.
func RealOnly(t testing.TB, what string) {
	t.Helper()
	if testing.Short() {
		t.Skipf("needs %s, which -short does not start", what)
	}
}

// untilEnd stops a server that has started when the test ends.
func untilEnd[S interface{ Stop() error }](t testing.TB, s S, err error) S {
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
