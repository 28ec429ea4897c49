// Package sandbox leads to the throw-away Vault of demo and dev, and has the obvious
// fakes that they store there.
package sandbox

import (
	"context"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/devvault"
)

// A provider, and a key of it.
const (
	Provider = "openai-gpt4"
	OldKey   = "sk-demo-old-not-a-real-key"
)

// Open makes a client of a Vault of ours; the environment plays no part.
func Open(ctx context.Context, server *devvault.Server, more ...vaultkit.Option) (*vaultkit.Client, error) {
	return vaultkit.New(ctx, append([]vaultkit.Option{
		vaultkit.WithAddress(server.Addr()),
		vaultkit.WithToken(vaultkit.Value(server.RootToken())),
	}, more...)...)
}
