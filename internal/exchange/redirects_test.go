package exchange_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"goblin/vaultkit/internal/exchange"
	"goblin/vaultkit/internal/vaulterr"
)

// TestRedirects checks that a redirect is followed once, with the whole request, to the
// same or an allowed host, and to no other.
func TestRedirects(t *testing.T) {
	for name, tc := range map[string]struct {
		from, location string
		allowed        []string
		want           string // where the request goes; empty: it is refused
	}{
		"the same host":                     {"http://a.test:8200", "http://a.test:8200/v1/x", nil, "http://a.test:8200/v1/x?q=1"},
		"a path alone":                      {"http://a.test:8200", "/v1/y", nil, "http://a.test:8200/v1/y?q=1"},
		"to TLS":                            {"http://a.test", "https://A.test/v1/x", nil, "https://A.test/v1/x?q=1"},
		"the port that goes without saying": {"https://a.test", "https://a.test:443/v1/x", nil, "https://a.test:443/v1/x?q=1"},
		"another host":                      {"http://a.test:8200", "http://b.test:8200/v1/x", nil, ""},
		"another port":                      {"http://127.0.0.1:8200", "http://127.0.0.1:8300/v1/x", nil, ""},
		"no scheme":                         {"http://a.test:8200", "//b.test/v1/x", nil, ""},
		"from TLS":                          {"https://a.test", "http://a.test/v1/x", []string{"a.test"}, ""},
		"a user":                            {"http://a.test", "http://u:p@a.test/v1/x", nil, ""},
		"another scheme":                    {"http://a.test", "ftp://a.test/v1/x", nil, ""},
		"allowed by name":                   {"http://a.test:8200", "http://B.test:8200/v1/x", []string{"c.test", "b.test"}, "http://B.test:8200/v1/x?q=1"},
		"allowed by name and port":          {"http://a.test:8200", "http://b.test:8200/v1/x", []string{"b.test:8200"}, "http://b.test:8200/v1/x?q=1"},
		"another port than allowed":         {"http://a.test:8200", "http://b.test:8300/v1/x", []string{"b.test:8200"}, ""},
		"a domain":                          {"http://a.test:8200", "http://n1.vault.test:8200/v1/x", []string{"*.vault.test"}, "http://n1.vault.test:8200/v1/x?q=1"},
		"not the domain":                    {"http://a.test:8200", "http://evilvault.test:8200/v1/x", []string{"*.vault.test"}, ""},
	} {
		for _, status := range []int{301, 302, 307, 308} {
			var went []string
			net := server(func(r *http.Request) (*http.Response, error) {
				went = append(went, r.URL.String())
				if len(went) == 1 {
					return &http.Response{StatusCode: status, Header: http.Header{"Location": {tc.location}}, Request: r, Body: http.NoBody}, nil
				}
				body, _ := io.ReadAll(r.Body)
				if r.Method != http.MethodPut || r.Header.Get("X-Vault-Token") != token || !strings.Contains(string(body), secretID) || r.Host != r.URL.Host {
					t.Errorf("%s: the redirected request is %s to %s with %q, want the original one", name, r.Method, r.Host, body)
				}
				return &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, Body: http.NoBody}, nil
			})
			response, err := exchange.Redirects(net, tc.allowed).RoundTrip(login(t, tc.from+"/v1/x?q=1"))
			switch {
			case tc.want == "" && (len(went) != 1 || !errors.Is(err, vaulterr.ErrUnavailable) || !vaulterr.MaybeApplied(err)):
				t.Errorf("%s, %d: the request goes to %q, %v, want an error and no request", name, status, went, err)
			case tc.want != "" && (err != nil || response.StatusCode != 200 || went[1] != tc.want):
				t.Errorf("%s, %d: the request goes to %q, %v, want %s", name, status, went, err, tc.want)
			}
			if err == nil {
				_ = response.Body.Close()
			}
		}
	}
}

// TestRedirects_ErrorSaysWhatToDo also checks that the error contains neither the path nor
// its values.
func TestRedirects_ErrorSaysWhatToDo(t *testing.T) {
	net := server(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 307, Header: http.Header{"Location": {"http://b.test:8200/" + token}}, Request: r, Body: http.NoBody}, nil
	})
	_, err := exchange.Redirects(net, nil).RoundTrip(login(t, "http://a.test:8200/v1/x")) //nolint:bodyclose // there is none
	text := vaulterr.WithOp("Rotate", "p", err).Error()
	for _, want := range []string{`"http://b.test:8200"`, "another host", "the token is not sent there", "VAULTKIT_REDIRECTS"} {
		if !strings.Contains(text, want) {
			t.Errorf("error = %q, want %s in it", text, want)
		}
	}
	if strings.Contains(text, token) {
		t.Errorf("error = %q, want it without the Location's path", text)
	}
}

func TestRedirects_SecondIsNotFollowed(t *testing.T) {
	sent := 0
	net := server(func(r *http.Request) (*http.Response, error) {
		sent++
		return &http.Response{StatusCode: 307, Header: http.Header{"Location": {"/v1/x"}}, Request: r, Body: http.NoBody}, nil
	})
	response, err := exchange.Redirects(net, nil).RoundTrip(login(t, "http://a.test/v1/x"))
	if err != nil || response.StatusCode != 307 || sent != 2 {
		t.Fatalf("RoundTrip = %v, %v after %d requests, want the second redirect", response, err, sent)
	}
	_ = response.Body.Close()
}

func TestCheckHosts(t *testing.T) {
	if err := exchange.CheckHosts([]string{"a.test", "a.test:8200", "*.a.test", "127.0.0.1:8200", "::1", "[::1]:8200"}); err != nil {
		t.Errorf("CheckHosts of valid hosts = %v, want no error", err)
	}
	for _, host := range []string{"", "*", "https://a.test", "a.test/v1", "a b", " a.test", "a.*.test", "a.test\n"} {
		if err := exchange.CheckHosts([]string{host}); !errors.Is(err, vaulterr.ErrInvalid) {
			t.Errorf("CheckHosts(%q) = %v, want ErrInvalid", host, err)
		}
	}
}
