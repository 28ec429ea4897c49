// Package bodylimit limits how much of a response is read. The official client reads the
// bodies of error responses without a limit, so that a server or proxy could fill a
// program's memory with one response. The limits count decompressed bytes.
package bodylimit

import (
	"context"
	"io"
	"net/http"

	"goblin/vaultkit/internal/vaulterr"
)

// MaxFailure limits the body of an error response. Vault's have a few lines. The rest is
// dropped, which is safe because truncated JSON does not count as Vault's.
const MaxFailure = 1 << 20

type key struct{}

// With returns a context that limits the successful responses of its requests, unless ctx
// has a limit already. Without it a successful response has no limit, because users also
// read snapshots and streams with the official client.
func With(ctx context.Context, limit int64) context.Context {
	if _, set := ctx.Value(key{}).(int64); set {
		return ctx
	}
	return context.WithValue(ctx, key{}, limit)
}

// Transport limits the bodies of next's responses. Reading a successful response beyond
// its limit fails with [vaulterr.TooLarge].
func Transport(next http.RoundTripper) http.RoundTripper { return transport{next} }

type transport struct{ next http.RoundTripper }

// RoundTrip sends the request on.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(r)
	if err != nil || response == nil || response.Body == nil {
		return response, err
	}
	limit, set := r.Context().Value(key{}).(int64)
	switch {
	case response.StatusCode >= http.StatusMultipleChoices:
		response.Body = truncated{io.LimitReader(response.Body, MaxFailure), response.Body}
	case set && response.StatusCode >= http.StatusOK: // the body of a 101 is a connection
		response.Body = &limited{ReadCloser: response.Body, limit: limit}
	}
	return response, nil
}

// truncated is the beginning of a body.
type truncated struct {
	io.Reader
	io.Closer
}

// limited is a body that fails if more than limit bytes are read.
type limited struct {
	io.ReadCloser
	limit int64
	read  int64
}

func (b *limited) Read(into []byte) (int, error) {
	left := b.limit - b.read
	if left < 0 {
		return 0, vaulterr.TooLarge(b.limit)
	}
	// Reading one byte more shows whether the body is longer than the limit.
	n, err := b.ReadCloser.Read(into[:min(int64(len(into)), left+1)])
	b.read += int64(n)
	if b.read > b.limit {
		return int(left), vaulterr.TooLarge(b.limit)
	}
	return n, err
}
