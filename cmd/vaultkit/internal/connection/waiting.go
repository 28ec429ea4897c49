package connection

import (
	"fmt"
	"net/http"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// waitQuietly is how long a server may take to respond before the user is told.
const waitQuietly = 2 * time.Second

// watchServer tells the user at a terminal, once, that Vault does not respond: without
// that, retries look like a program that hangs.
func (c *Connection) watchServer() vaultkit.Option {
	if !c.io.Watched() {
		return vaultkit.WithTransport(nil)
	}
	tell := func(host string) {
		c.waiting.Do(func() { fmt.Fprintf(c.io.Err, "Waiting for Vault at %s; Ctrl-C ends it.\n", terminal.Cell(host)) })
	}
	return vaultkit.WithTransport(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			slow := time.AfterFunc(waitQuietly, func() { tell(r.URL.Host) })
			defer slow.Stop()
			response, err := next.RoundTrip(r)
			if r.Context().Err() == nil && (err != nil || response.StatusCode >= http.StatusInternalServerError) {
				tell(r.URL.Host)
			}
			return response, err
		})
	})
}

// roundTripper is a function as a transport.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
