package verify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"goblin/vaultkit"
)

// Endpoint describes a request that tells whether a key works. It must cost nothing and change
// nothing, and the API must refuse it without a key. The key works if the response is a success
// (2xx) with a JSON object or array, or without a body (HEAD, or 204).
//
// An API that answers 200 to every key, and says in the body whether it works, cannot be
// described. Write a function for vaultkit.WithVerify instead.
type Endpoint struct {
	// URL is where the request goes: https, or http to this machine. Required.
	URL string
	// Method is GET, HEAD or POST; the request has no body. Default GET.
	Method string
	// Header is the header that carries the key. Default "Authorization".
	Header string
	// Scheme is put before the key in the header, with a space. "-": nothing. Default "Bearer" in
	// the header Authorization, and nothing in others.
	Scheme string
	// Headers are further headers, such as a version of the API. They must hold no secret.
	Headers map[string]string
	// Rejected lists the statuses which mean that the key does not work. Default 401 alone: many
	// providers answer 403 to a key with restricted rights.
	Rejected []int

	// inconclusive lists texts, in lower case, in the body of a rejection which mean that the key
	// may work for other requests.
	inconclusive []string
	// alsoRejected maps another status to a text, in lower case, with which it rejects the key.
	alsoRejected map[int]string
}

// Verifier returns the verifier that sends this request. If the description is wrong, the
// verifier returns vaultkit.ErrInvalid and sends nothing.
func (e Endpoint) Verifier(opts ...Option) Verifier {
	target, err := e.target()
	if err != nil {
		return refusing(err)
	}
	a := &attempts{endpoint: e, target: target, options: newOptions(opts)}
	return func(ctx context.Context, _ vaultkit.Target, keys vaultkit.ProviderKeys) error {
		key, ok := keys.Reveal()[a.field]
		switch {
		case !ok:
			return invalid("the secret has no field %q", a.field)
		case !validHeaderValue(key):
			return invalid("the field %q is empty, or has a character that a header cannot contain, such as a line break at its end", a.field)
		}
		err := a.run(ctx, e.value(key))
		if a.allowUnknown != nil && errors.Is(err, ErrUnknown) && ctx.Err() == nil {
			a.allowUnknown(err)
			return nil
		}
		return err
	}
}

// refusing returns a verifier that can never work.
func refusing(err error) Verifier {
	return func(context.Context, vaultkit.Target, vaultkit.ProviderKeys) error { return err }
}

// target returns the URL, if the description is valid and the key may be sent there.
func (e Endpoint) target() (*url.URL, error) {
	target, err := parseURL(e.URL)
	if err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"", http.MethodGet, http.MethodHead, http.MethodPost}, e.Method) {
		return nil, invalid("the method %q is not GET, HEAD or POST", e.Method)
	}
	if !validHeaderName(e.header()) || !validHeaderValue(e.value("key")) {
		return nil, invalid("a key cannot be sent in the header %q with the scheme %q", e.header(), e.Scheme)
	}
	for name, value := range e.Headers {
		if strings.EqualFold(name, e.header()) {
			return nil, invalid("the header %q carries the key and cannot have another value", name)
		}
		if !validHeaderName(name) || !validHeaderValue(value) {
			return nil, invalid("the header %q cannot be set, or not to this value", name)
		}
	}
	return target, nil
}

// parseURL returns a URL to which a key may be sent. Its errors do not quote the text: it may
// contain a password.
func parseURL(text string) (*url.URL, error) {
	target, err := url.Parse(text)
	switch {
	case err != nil || target.Opaque != "" || target.Hostname() == "":
		return nil, invalid("the URL must have the form https://host/path")
	case target.User != nil:
		return nil, invalid("the URL must not contain a user name or password")
	case strings.ContainsFunc(target.Host, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return nil, invalid("the host of the URL must be ASCII: write an international name in its xn-- form")
	case target.Scheme == "https", target.Scheme == "http" && isLoopback(target.Hostname()):
		return target, nil
	case target.Scheme == "http":
		return nil, invalid("the URL of %s must begin with https://: the key would cross the network in plain text", target.Host)
	}
	return nil, invalid("the URL of %s must begin with https://", target.Host)
}

// isLoopback reports whether a host is this machine. Names other than localhost are not looked
// up: they can change their address between the look-up and the request.
func isLoopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}

func (e Endpoint) method() string {
	if e.Method == "" {
		return http.MethodGet
	}
	return e.Method
}

func (e Endpoint) header() string {
	if e.Header == "" {
		return "Authorization"
	}
	return e.Header
}

// value returns the header's value with the key.
func (e Endpoint) value(key string) string {
	switch {
	case e.Scheme == "-", e.Scheme == "" && !strings.EqualFold(e.header(), "Authorization"):
		return key
	case e.Scheme == "":
		return "Bearer " + key
	}
	return e.Scheme + " " + key
}

// rejects reports whether a status means that the key does not work.
func (e Endpoint) rejects(status int) bool {
	if len(e.Rejected) == 0 {
		return status == http.StatusUnauthorized
	}
	return slices.Contains(e.Rejected, status)
}

// validHeaderValue reports whether text may be the value of a header: printable ASCII. net/http
// refuses some other texts, with an error that quotes them.
func validHeaderValue(text string) bool {
	return text != "" && text == strings.TrimSpace(text) && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

// reservedHeaders are the ones that net/http ignores or sets itself, and those for a proxy.
var reservedHeaders = []string{"Host", "Content-Length", "Transfer-Encoding", "Trailer", "Connection", "Te", "Upgrade"}

// validHeaderName reports whether name is a header that a request can carry to the API.
func validHeaderName(name string) bool {
	canonical := http.CanonicalHeaderKey(name)
	return name != "" && !slices.Contains(reservedHeaders, canonical) && !strings.HasPrefix(canonical, "Proxy-") &&
		!strings.ContainsFunc(name, func(r rune) bool {
			return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
		})
}

func invalid(format string, args ...any) error {
	return &vaultkit.Error{Op: "verify", Kind: vaultkit.ErrInvalid, Detail: fmt.Sprintf(format, args...)}
}
