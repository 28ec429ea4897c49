package verify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"goblin/vaultkit"
)

const goodKey, deadKey = "sk-fake-good", "sk-fake-canary"

// answer is a response of a stand-in.
type answer struct {
	status int
	body   string // KEY is the key of the request
}

// standIn is a provider's API.
type standIn struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
}

// newStandIn starts an API that answers as answerTo says. key is empty for a request without one.
func newStandIn(t *testing.T, header string, answerTo func(key string) answer) *standIn {
	t.Helper()
	api := &standIn{}
	api.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.mu.Lock()
		api.requests = append(api.requests, r)
		api.mu.Unlock()
		key := r.Header.Get(header)
		a := answerTo(key)
		w.Header().Set("Location", "/elsewhere")
		w.Header().Set("X-Key", key)
		w.WriteHeader(a.status)
		fmt.Fprint(w, strings.ReplaceAll(a.body, "KEY", key))
	}))
	t.Cleanup(api.Close)
	return api
}

// asked returns the requests, without those without a key.
func (s *standIn) asked(header string) (found []*http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		if r.Header.Get(header) != "" {
			found = append(found, r)
		}
	}
	return found
}

// inPlaceOf starts the stand-in with TLS, and returns an option that sends the requests for every
// host to it.
func (s *standIn) inPlaceOf() Option {
	s.StartTLS()
	trusted := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return func(o *options) {
		o.transport = func(plainText bool) http.RoundTripper {
			transport := newTransport(plainText).(*http.Transport)
			transport.Proxy = nil
			transport.TLSClientConfig = &tls.Config{RootCAs: trusted, ServerName: "example.com"}
			transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
			}
			return transport
		}
	}
}

// standInAnswering starts an API at a loopback address that gives one answer to every key, and
// 401 to a request without one.
func standInAnswering(t *testing.T, a answer) *standIn {
	t.Helper()
	api := newStandIn(t, "Authorization", func(key string) answer {
		if key == "" {
			return answer{http.StatusUnauthorized, ""}
		}
		return a
	})
	api.Start()
	return api
}

// try tries a key.
func try(ctx context.Context, v Verifier, key string) error {
	return v(ctx, vaultkit.Target{Provider: "p"}, vaultkit.ProviderKeys{"api_key": key})
}

// wantOutcome checks that an error is one outcome and no other, and that it contains nothing
// that it must not.
func wantOutcome(t *testing.T, call string, got, want error) {
	t.Helper()
	for _, one := range []error{ErrRejected, ErrUnknown, vaultkit.ErrInvalid} {
		if errors.Is(got, one) != (want != nil && errors.Is(want, one)) {
			t.Errorf("%s = %v, want %v", call, got, want)
			break
		}
	}
	if want == nil && got != nil {
		t.Errorf("%s = %v, want nil", call, got)
	}
	if text := fmt.Sprintf("%v %+v %#v", got, got, got); strings.Contains(text, "canary") || strings.ContainsAny(text, "\x1b\x00\r\n") {
		t.Errorf("%s = %q, which contains the key, or what the server sent", call, text)
	}
}
