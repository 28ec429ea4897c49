package session

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// wire makes the clients that carry the session's requests, and bounds them.
type wire struct {
	timeout time.Duration
	mu      sync.Mutex  // WithNamespace copies a client without locking it
	base    *api.Client // has no token, and is only ever copied
	pulse   pulse
}

// newWire copies what the client is set to, once and for all. NewClient and
// Clone would read VAULT_TOKEN, VAULT_NAMESPACE and VAULT_HEADERS again.
func newWire(client *api.Client, timeout time.Duration) *wire {
	base := client.WithNamespace(client.Namespace()).WithResponseCallbacks(failLeftOverRedirect)
	base.ClearToken()
	// The client's default is VAULT_WRAP_TTL, which would wrap every answer,
	// that of a login included.
	base.SetWrappingLookupFunc(func(string, string) string { return "" })
	return &wire{timeout: timeout, base: base}
}

// as is an independent client with the token, on the shared connections.
func (w *wire) as(token string) *api.Client {
	w.mu.Lock()
	defer w.mu.Unlock()
	client := w.base.WithNamespace(w.base.Namespace())
	client.SetToken(token)
	return client
}

// failLeftOverRedirect makes a failed answer of a redirect. The official client
// follows one; a second in a row, as at a failover, would pass for a success
// although nothing was done.
func failLeftOverRedirect(answer *api.Response) {
	if answer.StatusCode >= 300 && answer.StatusCode < 400 {
		answer.StatusCode = http.StatusServiceUnavailable
	}
}

// once runs one bounded attempt. No error leaves it with a body that is not
// Vault's.
func (w *wire) once(ctx context.Context, send func(ctx context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	err := vaulterr.WithoutForeignBody(send(bounded))
	w.pulse.feel(ctx, err)
	return err
}
