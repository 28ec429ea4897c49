package exchange

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"goblin/vaultkit/internal/vaulterr"
)

// Redirects follows one redirect, as the official client does. If a cluster's standbys do
// not forward requests, they redirect clients to the active node. The token and the secret
// are sent along. So a redirect is followed only to the same host or an allowed one, and
// never from https to http.
func Redirects(next http.RoundTripper, allowed []string) http.RoundTripper {
	return redirects{next, allowed}
}

type redirects struct {
	next    http.RoundTripper
	allowed []string
}

// RoundTrip sends the request on, and once more if it is redirected.
func (t redirects) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	to := redirectTarget(r, response)
	if to == nil {
		return response, nil
	}
	if response.Body != nil {
		_ = response.Body.Close()
	}
	if err := t.check(r, to); err != nil {
		return nil, err
	}
	again := *r
	if r.Body != nil && r.Body != http.NoBody {
		if again.Body, err = r.GetBody(); err != nil {
			return nil, vaulterr.TransportError(err)
		}
	}
	to.RawQuery = r.URL.RawQuery
	again.URL, again.Host = to, to.Host
	return t.next.RoundTrip(&again)
}

// redirectTarget returns the URL that the response redirects to, or nil.
func redirectTarget(r *http.Request, response *http.Response) *url.URL {
	switch response.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil
	}
	location := response.Header.Get("Location")
	to, err := r.URL.Parse(location)
	if err != nil || location == "" {
		return nil
	}
	return to
}

// check returns an error if the request must not be sent there. The old address is allowed
// again, because a node may redirect shortly after it stopped being the active one.
func (t redirects) check(r *http.Request, to *url.URL) error {
	refused := func(why, hint string) error {
		return &vaulterr.Error{Kind: vaulterr.ErrUnavailable, Detail: fmt.Sprintf("the server redirects to %q, %s", to.Scheme+"://"+to.Host, why), Hint: hint}
	}
	switch {
	case to.Scheme != "https" && to.Scheme != "http", to.User != nil:
		return refused("which cannot be a Vault address", "check the address and which server answers there")
	case to.Scheme == "http" && r.URL.Scheme == "https":
		return refused("without TLS: the token is not sent there", "set api_addr of the cluster's nodes to https addresses")
	case !sameHost(r.URL, to) && !t.allows(to):
		return refused("another host: the token is not sent there",
			"if the host is a node of your cluster, allow it with WithRedirects or VAULTKIT_REDIRECTS, or let standbys forward requests; otherwise check which server answers")
	case r.Body != nil && r.Body != http.NoBody && r.GetBody == nil:
		return refused("and this request cannot be sent twice", "use the active node's address")
	}
	return nil
}

// sameHost reports whether both URLs have the same host and port. If neither names a port,
// http and https count as the same.
func sameHost(from, to *url.URL) bool {
	return strings.EqualFold(from.Hostname(), to.Hostname()) && (from.Port() == to.Port() || portOf(from) == portOf(to))
}

func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}

// allows reports whether the host is allowed: by name, by name and port, or below a domain
// given as "*.example.com".
func (t redirects) allows(to *url.URL) bool {
	name := strings.ToLower(to.Hostname())
	for _, entry := range t.allowed {
		entry = strings.ToLower(entry)
		switch domain, wild := strings.CutPrefix(entry, "*"); {
		case wild && strings.HasPrefix(domain, ".") && strings.HasSuffix(name, domain) && len(name) > len(domain):
			return true
		case entry == name, entry == strings.ToLower(to.Host), to.Port() == "" && entry == strings.ToLower(to.Host)+":"+portOf(to):
			return true
		}
	}
	return false
}

// CheckHosts returns an error if an entry cannot be a host for WithRedirects.
func CheckHosts(hosts []string) error {
	for _, host := range hosts {
		name := strings.TrimPrefix(host, "*.")
		parsed, err := url.Parse("https://" + name)
		ipv6 := strings.Count(name, ":") > 1 && !strings.HasPrefix(name, "[")
		if name == "" || strings.ContainsAny(name, "/*?#@ \t\r\n") || !ipv6 && (err != nil || parsed.Hostname() == "") {
			return vaulterr.Invalid("%q is not a host to follow redirects to: use names such as vault-1.example.com, vault-1.example.com:8200 or *.vault.example.com", host)
		}
	}
	return nil
}
