// Package exchange holds the layers that each request to Vault and its answer pass on
// their way: what they leave of an answer's failure can be told to anybody.
package exchange

import (
	"errors"
	"io"
	"net/http"

	"goblin/vaultkit/internal/vaulterr"
)

// Failures tells by their class the errors of next and of reading the answers' bodies.
func Failures(next http.RoundTripper) http.RoundTripper { return failures{next} }

type failures struct{ next http.RoundTripper }

// RoundTrip sends the request on.
func (f failures) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := f.next.RoundTrip(r)
	if err != nil {
		return nil, vaulterr.Transport(err)
	}
	if answer.Body != nil && answer.StatusCode >= http.StatusOK { // a 101's body is a connection
		answer.Body = body{answer.Body}
	}
	return answer, nil
}

type body struct{ io.ReadCloser }

func (b body) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	if err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return n, err
	}
	return n, vaulterr.Transport(err)
}
