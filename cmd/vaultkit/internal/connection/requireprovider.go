package connection

import (
	"context"
	"errors"
	"slices"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/namelist"
)

// RequireProvider returns an error if Vault lists no such provider. If the token cannot
// list, any name is accepted.
func (c *Connection) RequireProvider(ctx context.Context, client *vaultkit.Client, providers ...string) error {
	if len(providers) == 0 {
		return nil
	}
	names, err := client.Providers(ctx)
	if err != nil {
		return nil //nolint:nilerr // the token cannot list: any name is accepted
	}
	for _, provider := range providers {
		if !slices.Contains(names, provider) {
			return &vaultkit.Error{Provider: provider, Kind: vaultkit.ErrNotFound, Detail: "there is no such provider at " + c.Path("providers")}
		}
	}
	return nil
}

// NoProviderError returns the error for a path without any provider.
func (c *Connection) NoProviderError() error {
	return &vaultkit.Error{Kind: vaultkit.ErrNotFound, Detail: "no provider has a secret at " + c.Path("providers"),
		Hint: "check --mount and --base, or store a first secret with vaultkit put"}
}

// suggestProvider adds similar names to the error of a provider that does not exist.
func suggestProvider(ctx context.Context, client *vaultkit.Client, err error) error {
	why, ok := errors.AsType[*vaultkit.Error](err)
	if _, said := exitcode.Hint(err); said || !ok || why.Provider == "" || !errors.Is(err, vaultkit.ErrNotFound) {
		return err
	}
	names, listErr := client.Providers(ctx)
	if listErr != nil || slices.Contains(names, why.Provider) {
		return err
	}
	return namelist.Suggest(err, namelist.Similar(names, why.Provider))
}
