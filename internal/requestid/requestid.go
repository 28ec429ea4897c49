// Package requestid gives each request to Vault an id. A refused request has no id of
// Vault's in its response. If an operator lets the audit devices log the header
// X-Correlation-Id, such a request can be found by this id.
package requestid

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
)

// Header is the name of the request header with the id.
const Header = "X-Correlation-Id"

type key struct{}

// New returns a context with a new id for one request, and the id.
func New(ctx context.Context) (context.Context, string) {
	id := newID()
	return context.WithValue(ctx, key{}, id), id
}

func newID() string {
	var raw [12]byte
	_, _ = rand.Read(raw[:]) // cannot fail
	return hex.EncodeToString(raw[:])
}

// Transport sets the header of each request that does not have it, to the id in the
// request's context or to a new one. It changes the request in place, because the official
// client makes a new request for each attempt.
func Transport(next http.RoundTripper) http.RoundTripper { return transport{next} }

type transport struct{ next http.RoundTripper }

// RoundTrip sends the request on.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get(Header) == "" {
		id, ok := r.Context().Value(key{}).(string)
		if !ok {
			id = newID()
		}
		r.Header.Set(Header, id)
	}
	return t.next.RoundTrip(r)
}
