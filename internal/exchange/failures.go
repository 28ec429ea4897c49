// Package exchange holds transport layers that each request to Vault and its response
// pass. They keep secrets out of errors and follow redirects safely.
package exchange

import (
	"errors"
	"io"
	"net/http"

	"goblin/vaultkit/internal/vaulterr"
)

// Failures replaces errors of next, and of reading the response bodies, by errors that
// name only their class.
func Failures(next http.RoundTripper) http.RoundTripper { return failures{next} }

type failures struct{ next http.RoundTripper }

// RoundTrip sends the request on.
func (f failures) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := f.next.RoundTrip(r)
	if err != nil {
		return nil, vaulterr.TransportError(err)
	}
	if response.Body != nil && response.StatusCode >= http.StatusOK { // the body of a 101 is a connection
		response.Body = body{response.Body}
	}
	return response, nil
}

type body struct{ io.ReadCloser }

func (b body) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	if err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return n, err
	}
	return n, vaulterr.TransportError(err)
}
