package sandbox

import (
	"context"
	"fmt"
	"io"

	"goblin/vaultkit/internal/devvault"
	"goblin/vaultkit/internal/memvault"
)

// Server is a temporary Vault.
type Server interface {
	Addr() string
	RootToken() string
	Name() string // its product and version
	Stop() error
}

// Options describe a server.
type Options struct {
	Port      int    // on 127.0.0.1; 0: a free one
	RootToken string // "": a random one
	Log       io.Writer
}

// ErrNoServer is StartReal's error if there is no server program and no source to compile.
var ErrNoServer = devvault.ErrNoServer

// StartReal runs a real Vault server: the vault or bao program that there is, or one that it
// compiles.
func StartReal(ctx context.Context, o Options) (Server, error) {
	return devvault.Start(ctx, devvault.Options{UsePath: true, Log: o.Log, Port: o.Port, RootToken: o.RootToken})
}

// StartInMemory runs the Vault that is a part of this program.
func StartInMemory(ctx context.Context, o Options) (Server, error) {
	server := inMemory{memvault.New(memvault.Options{RootToken: o.RootToken})}
	if err := server.Listen(ctx, fmt.Sprintf("127.0.0.1:%d", o.Port)); err != nil {
		return nil, err
	}
	return server, nil
}

type inMemory struct{ *memvault.Server }

// Stop closes the server's socket.
func (s inMemory) Stop() error { return s.Close() }
