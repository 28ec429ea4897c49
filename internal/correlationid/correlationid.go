// Package correlationid gives each request to Vault a correlation id: an id of the client's, in
// the header X-Correlation-Id. The request id is Vault's, and a refused request has none in its
// response. If an operator lets the audit devices log the header, such a request can be found
// by its correlation id.
package correlationid

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
)

// Header is the name of the request header with the correlation id.
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
// client makes a new request for each try.
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
