package session

import (
	"context"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// openPath answers every token that the server knows, whatever its rights, and does not count
// as a use of it.
const openPath = "sys/internal/ui/mounts"

// isUnknown reports whether the server does not know the client's token. denied is how it
// refused a request that a token makes for itself. Vault names an unknown token in it. OpenBao
// 2.6 and later only say "permission denied", so isUnknown asks on a path that is open to every
// token.
func (t *transport) isUnknown(ctx context.Context, client *api.Client, denied error) bool {
	if vaulterr.InvalidToken(denied) {
		return true
	}
	if !vaulterr.BareDenial(denied) {
		return false
	}
	err := t.doOnce(ctx, func(ctx context.Context) error {
		_, err := client.Logical().ReadWithContext(ctx, openPath)
		return err
	})
	return vaulterr.InvalidToken(err) || vaulterr.BareDenial(err)
}
