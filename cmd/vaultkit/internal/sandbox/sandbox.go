// Package sandbox connects to the temporary Vault of demo and dev, and has the fake
// keys that both store there.
package sandbox

import (
	"context"

	"goblin/vaultkit"
)

// A provider, and a key of it.
const (
	Provider = "openai-gpt4"
	OldKey   = "sk-demo-old-not-a-real-key"
)

// Open returns a client of the temporary Vault. It ignores the environment.
func Open(ctx context.Context, server Server, more ...vaultkit.Option) (*vaultkit.Client, error) {
	return vaultkit.New(ctx, append([]vaultkit.Option{
		vaultkit.WithAddress(server.Addr()),
		vaultkit.WithToken(vaultkit.FromString(server.RootToken())),
	}, more...)...)
}
