package exchange

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"goblin/vaultkit/internal/vaulterr"
)

// Redirects follows one redirect, as the official client does: a standby of a cluster
// that does not forward requests sends clients to the active node. The token and the
// secret go along, so it follows none to a host that is neither the one which gave the
// redirect nor one of those allowed, and none from https to http.
func Redirects(next http.RoundTripper, allowed []string) http.RoundTripper {
	return redirects{next, allowed}
}

type redirects struct {
	next    http.RoundTripper
	allowed []string
}

// RoundTrip sends the request on, twice if it is redirected.
func (t redirects) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	to := redirectTarget(r, answer)
	if to == nil {
		return answer, nil
	}
	if answer.Body != nil {
		_ = answer.Body.Close()
	}
	if err := t.check(r, to); err != nil {
		return nil, err
	}
	again := *r
	if r.Body != nil && r.Body != http.NoBody {
		if again.Body, err = r.GetBody(); err != nil {
			return nil, vaulterr.Transport(err)
		}
	}
	to.RawQuery = r.URL.RawQuery
	again.URL, again.Host = to, to.Host
	return t.next.RoundTrip(&again)
}

// target is where the answer redirects the request to; nil: nowhere.
func redirectTarget(r *http.Request, answer *http.Response) *url.URL {
	switch answer.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil
	}
	location := answer.Header.Get("Location")
	to, err := r.URL.Parse(location)
	if err != nil || location == "" {
		return nil
	}
	return to
}

// refuses says why the request is not sent there. It may be sent to the old address
// again: a node that was the active one a moment ago redirects, too.
func (t redirects) check(r *http.Request, to *url.URL) error {
	refused := func(why, hint string) error {
		return &vaulterr.Error{Kind: vaulterr.ErrUnavailable, Detail: fmt.Sprintf("the server redirects to %q, %s", to.Scheme+"://"+to.Host, why), Hint: hint}
	}
	switch {
	case to.Scheme != "https" && to.Scheme != "http", to.User != nil:
		return refused("which is no address of a Vault", "check the address, and who answers there")
	case to.Scheme == "http" && r.URL.Scheme == "https":
		return refused("without TLS: the token is not sent there", "have the cluster's nodes announce https addresses (api_addr)")
	case !sameHost(r.URL, to) && !t.allows(to):
		return refused("another host: the token is not sent there",
			"if that is a node of your cluster, allow it with WithRedirects or VAULTKIT_REDIRECTS, or have its standbys forward requests; if not, find out who answers")
	case r.Body != nil && r.Body != http.NoBody && r.GetBody == nil:
		return refused("and this request cannot be sent twice", "give the active node's address")
	}
	return nil
}

// same reports the same host and port. Where neither names its port, it may be http's
// first and https's then.
func sameHost(from, to *url.URL) bool {
	return strings.EqualFold(from.Hostname(), to.Hostname()) && (from.Port() == to.Port() || portOf(from) == portOf(to))
}

func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}

// allows reports a host that is on the list: by name, by name and port, or below a domain
// that is there as "*.example.com".
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

// CheckHosts refuses a list of hosts to allow that cannot be one.
func CheckHosts(hosts []string) error {
	for _, host := range hosts {
		name := strings.TrimPrefix(host, "*.")
		parsed, err := url.Parse("https://" + name)
		ipv6 := strings.Count(name, ":") > 1 && !strings.HasPrefix(name, "[")
		if name == "" || strings.ContainsAny(name, "/*?#@ \t\r\n") || !ipv6 && (err != nil || parsed.Hostname() == "") {
			return vaulterr.Invalid("%q is no host to follow redirects to: give names such as vault-1.example.com, vault-1.example.com:8200 or *.vault.example.com", host)
		}
	}
	return nil
}
