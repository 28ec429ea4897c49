// Package bodylimit bounds how much of an answer is read. The official client reads
// the bodies of failures whole, so that a server or a proxy in between could fill the
// memory of a program with one answer. The limits count bytes after decompression.
package bodylimit

import (
	"context"
	"io"
	"net/http"

	"goblin/vaultkit/internal/vaulterr"
)

// Failure bounds the body of an answer that is not a success. Vault's own hold a few
// lines. The rest is left out: no JSON that is cut passes for Vault's.
const MaxFailure = 1 << 20

type key struct{}

// With is ctx with a limit for the successes of requests under it, unless one is set
// already. Without it a success has no limit: with the official client people also
// read snapshots and streams.
func With(ctx context.Context, limit int64) context.Context {
	if _, set := ctx.Value(key{}).(int64); set {
		return ctx
	}
	return context.WithValue(ctx, key{}, limit)
}

// Transport limits the bodies of the answers that next gives. Reading a success beyond
// its limit fails with [vaulterr.TooLarge].
func Transport(next http.RoundTripper) http.RoundTripper { return transport{next} }

type transport struct{ next http.RoundTripper }

// RoundTrip sends the request on.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.next.RoundTrip(r)
	if err != nil || answer == nil || answer.Body == nil {
		return answer, err
	}
	limit, set := r.Context().Value(key{}).(int64)
	switch {
	case answer.StatusCode >= http.StatusMultipleChoices:
		answer.Body = truncated{io.LimitReader(answer.Body, MaxFailure), answer.Body}
	case set && answer.StatusCode >= http.StatusOK: // a 101's body is a connection
		answer.Body = &limited{ReadCloser: answer.Body, limit: limit}
	}
	return answer, nil
}

// cut is the beginning of a body.
type truncated struct {
	io.Reader
	io.Closer
}

// limited is a body that fails when more than limit bytes are read.
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
	// One more than is left, to tell a body that ends at the limit from a longer one.
	n, err := b.ReadCloser.Read(into[:min(int64(len(into)), left+1)])
	b.read += int64(n)
	if b.read > b.limit {
		return int(left), vaulterr.TooLarge(b.limit)
	}
	return n, err
}
