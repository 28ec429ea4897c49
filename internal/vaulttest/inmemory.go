package vaulttest

import (
	"context"
	"errors"
	"os"

	"goblin/vaultkit/internal/memvault"
)

// inMemory is the Vault in the process, set up as devvault sets up a real one.
type inMemory struct {
	*memvault.Server
	audit *os.File
}

func startInMemory(ctx context.Context, flavor memvault.Flavor) (Vault, error) {
	audit, err := os.CreateTemp("", "vaultkit-audit-")
	if err != nil {
		return nil, err
	}
	s := inMemory{memvault.New(memvault.Options{Flavor: flavor, Audit: audit}), audit}
	if err := s.Listen(ctx, "127.0.0.1:0"); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// AuditLog returns the path of the audit log.
func (s inMemory) AuditLog() string { return s.audit.Name() }

// Seal seals the server.
func (s inMemory) Seal(context.Context) error { s.Server.Seal(); return nil }

// Unseal unseals the server.
func (s inMemory) Unseal(context.Context) error { s.Server.Unseal(); return nil }

// Stop closes the server and removes its audit log.
func (s inMemory) Stop() error {
	return errors.Join(s.Close(), s.audit.Close(), os.Remove(s.audit.Name()))
}
