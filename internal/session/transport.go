package session

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/bodylimit"
	"goblin/vaultkit/internal/vaulterr"
)

// wire makes the clients that carry the session's requests, and bounds them.
type transport struct {
	timeout      time.Duration
	mu           sync.Mutex  // WithNamespace copies a client without locking it
	base         *api.Client // has no token, and is only ever copied
	availability availability

	ctx    context.Context // ends when no request may go on
	cancel context.CancelFunc
}

// newWire copies what the client is set to, once and for all. NewClient and
// Clone would read VAULT_TOKEN, VAULT_NAMESPACE and VAULT_HEADERS again.
// served is told of each request that succeeds.
func newTransport(client *api.Client, timeout time.Duration, served func(*http.Request)) *transport {
	base := client.WithNamespace(client.Namespace()).WithResponseCallbacks(revealFailures, func(answer *api.Response) {
		if answer.StatusCode < http.StatusMultipleChoices && answer.Request != nil {
			served(answer.Request)
		}
	})
	base.ClearToken()
	// The client's default is VAULT_WRAP_TTL, which would wrap every answer,
	// that of a login included.
	base.SetWrappingLookupFunc(func(string, string) string { return "" })
	t := &transport{timeout: timeout, base: base}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

// as is an independent client with the token, on the shared connections.
func (t *transport) clientWith(token string) *api.Client {
	t.mu.Lock()
	defer t.mu.Unlock()
	client := t.base.WithNamespace(t.base.Namespace())
	client.SetToken(token)
	return client
}

// unmask shows failures as failures that the official client would take for
// successes.
func revealFailures(answer *api.Response) {
	failUnfollowedRedirect(answer)
	trimBlank404(answer)
}

// emptyBlank404: a write that is answered 404 with a blank line, which Vault never
// does, has succeeded to the official client; one without a body has not.
func trimBlank404(answer *api.Response) {
	if answer.StatusCode != http.StatusNotFound {
		return
	}
	body := bufio.NewReader(answer.Body)
	for next, err := body.Peek(1); err == nil && strings.IndexByte(" \t\r\n", next[0]) >= 0; next, err = body.Peek(1) {
		_, _ = body.Discard(1) // it is there
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{body, answer.Body}
}

// failLeftOverRedirect makes a failed answer of a redirect. The official client
// follows one; a second in a row, as at a failover, would pass for a success
// although nothing was done.
func failUnfollowedRedirect(answer *api.Response) {
	if answer.StatusCode >= 300 && answer.StatusCode < 400 {
		answer.StatusCode = http.StatusServiceUnavailable
	}
}

// maxAnswer bounds what is read of a success that says nothing but who we are.
const maxResponse = 1 << 20

// once runs one bounded attempt. No error leaves it with a body that is not
// Vault's.
func (t *transport) doOnce(ctx context.Context, send func(ctx context.Context) error) error {
	bounded, cancel := context.WithTimeout(bodylimit.With(ctx, maxResponse), t.timeout)
	defer cancel()
	stop := context.AfterFunc(t.ctx, cancel)
	defer stop()
	began := time.Now()
	err := vaulterr.FromWire(send(bounded))
	if err != nil && t.ctx.Err() != nil && ctx.Err() == nil {
		// No ErrClosed, which says that nothing was sent.
		err = &vaulterr.Error{Kind: vaulterr.ErrUnavailable, Detail: "the client was closed before the answer came"}
	}
	t.availability.record(ctx, began, err)
	return err
}
