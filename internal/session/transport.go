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

// transport makes the clients that send the session's requests, and limits each request.
type transport struct {
	timeout      time.Duration
	mu           sync.Mutex  // guards base, which WithNamespace copies without locking
	base         *api.Client // without a token; only copied
	namespace    string      // of base
	availability availability

	ctx    context.Context // canceled to end all requests
	cancel context.CancelFunc
}

// newTransport copies the client's settings. NewClient and Clone would read VAULT_TOKEN,
// VAULT_NAMESPACE and VAULT_HEADERS again. It calls served after each request that
// succeeds.
func newTransport(client *api.Client, timeout time.Duration, served func(*http.Request)) *transport {
	base := client.WithNamespace(client.Namespace()).WithResponseCallbacks(revealFailures, func(response *api.Response) {
		if response.StatusCode < http.StatusMultipleChoices && response.Request != nil {
			served(response.Request)
		}
	})
	base.ClearToken()
	// The client's default is VAULT_WRAP_TTL, which would wrap every response, even to a
	// login.
	base.SetWrappingLookupFunc(func(string, string) string { return "" })
	t := &transport{timeout: timeout, base: base, namespace: client.Namespace()}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

// clientWith returns a client with the token. All clients share their connections.
func (t *transport) clientWith(token string) *api.Client {
	t.mu.Lock()
	defer t.mu.Unlock()
	client := t.base.WithNamespace(t.base.Namespace())
	client.SetToken(token)
	return client
}

// revealFailures changes responses that the official client would mistake for successes.
func revealFailures(response *api.Response) {
	failUnfollowedRedirect(response)
	trimBlank404(response)
}

// trimBlank404 removes blank lines from a 404's body. Vault sends none. The official
// client treats a write that got a 404 with such a body as a success, but not one with an
// empty body.
func trimBlank404(response *api.Response) {
	if response.StatusCode != http.StatusNotFound {
		return
	}
	body := bufio.NewReader(response.Body)
	for next, err := body.Peek(1); err == nil && strings.IndexByte(" \t\r\n", next[0]) >= 0; next, err = body.Peek(1) {
		_, _ = body.Discard(1) // cannot fail after Peek
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{body, response.Body}
}

// failUnfollowedRedirect makes a second redirect in a row a failure. The official client
// follows only one, and would treat the next as a success.
func failUnfollowedRedirect(response *api.Response) {
	if response.StatusCode >= 300 && response.StatusCode < 400 {
		response.StatusCode = http.StatusServiceUnavailable
	}
}

// maxResponse limits a successful response of the session's own requests, which are small.
const maxResponse = 1 << 20

// doOnce runs one attempt with a timeout. Its errors contain only bodies that Vault sent.
func (t *transport) doOnce(ctx context.Context, send func(ctx context.Context) error) error {
	bounded, cancel := context.WithTimeout(bodylimit.With(ctx, maxResponse), t.timeout)
	defer cancel()
	stop := context.AfterFunc(t.ctx, cancel)
	defer stop()
	began := time.Now()
	err := vaulterr.NameNamespace(vaulterr.Sanitize(send(bounded)), t.namespace)
	if err != nil && t.ctx.Err() != nil && ctx.Err() == nil {
		// ErrClosed would mean that the request was not sent.
		err = &vaulterr.Error{Kind: vaulterr.ErrUnavailable, Detail: "the client was closed before Vault responded"}
	}
	t.availability.record(ctx, began, err)
	return err
}
