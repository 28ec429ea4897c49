// Package requestid gives each request to Vault an id of its own. Vault's audit
// devices note the header X-Correlation-Id once an operator has it audited, and so
// a refused request, whose answer carries no id of Vault's, can be found there.
package requestid

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
)

// Header carries the id.
const Header = "X-Correlation-Id"

type key struct{}

// New is ctx with a new id for one request, and the id.
func New(ctx context.Context) (context.Context, string) {
	id := newID()
	return context.WithValue(ctx, key{}, id), id
}

func newID() string {
	var raw [12]byte
	_, _ = rand.Read(raw[:]) // never fails
	return hex.EncodeToString(raw[:])
}

// Transport sets the header of each request that has none: to the id in its
// context, or to a new one. The request is changed in place, for the official
// client makes one for each attempt, which nobody else sees.
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
