package vaulttest

import (
	"context"
	"testing"

	"goblin/vaultkit/internal/devvault"
	"goblin/vaultkit/internal/memvault"
	"goblin/vaultkit/internal/realvault"
)

// Vault is a server that tests use.
type Vault interface {
	Addr() string
	RootToken() string
	Name() string // its product and version
	Version() string
	OpenBao() bool
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
	return realvault.UntilEnd(t, s, err)
}

// start runs a real Vault server or, under -short, the Vault in the process.
func start(ctx context.Context) (Vault, error) {
	if testing.Short() {
		return startInMemory(ctx, memvault.Vault)
	}
	return devvault.Start(ctx, devvault.Options{})
}

// OpenBao reports whether the package's Vault is an OpenBao.
func OpenBao() bool { return server.OpenBao() }

// Binary returns the program of the package's Vault, or "" if it runs in the process.
func Binary() string {
	if s, ok := server.(*devvault.Server); ok {
		return s.Binary()
	}
	return ""
}
