package githubtoken

import (
	"fmt"
	"net/http"
	"net/url"

	"goblin/vaultkit/internal/vaulterr"
)

// What to do about a failure.
const (
	hintPermission = `give the job "permissions: id-token: write"; a pull request from a fork does not get it; ` +
		"outside GitHub Actions, take the JWT from a file or a variable, such as VAULTKIT_JWT_TOKEN"
	hintNetwork   = "check that the job reaches GitHub (HTTPS_PROXY, NO_PROXY), then run it again"
	hintOutage    = "GitHub may have an outage: run the job again later"
	hintVariables = "use GitHub's variables unchanged, and in their own job only"
)

func missing(name string) error {
	return &vaulterr.Error{
		Kind: vaulterr.ErrInvalid, Detail: name + " " + vaulterr.NoValue(name) + ", so GitHub gives this job no identity token", Hint: hintPermission,
	}
}

func badURL() error { return vaulterr.Invalid("%s is not a URL like https://host/path", URLVariable) }

// failed returns the error of a request. It is a failed login, and does not say that Vault is down.
func failed(target *url.URL, detail, hint string) *vaulterr.Error {
	return &vaulterr.Error{
		Kind: vaulterr.ErrUnauthenticated, Detail: fmt.Sprintf("no identity token from GitHub at %s: %s", target.Host, detail), Hint: hint,
	}
}

// lost returns the error of a request without a complete response. The text of err may contain
// what the server sent, so it is not shown.
func lost(target *url.URL, err error) error {
	failure := failed(target, "no complete response", hintNetwork)
	failure.Err = vaulterr.TransportError(err)
	return failure
}

// refusedBy returns the error of a request with a status that is not 200.
func refusedBy(target *url.URL, status int, passing bool) error {
	text := fmt.Sprintf("HTTP %d", status)
	switch {
	case passing:
		return failed(target, text, hintOutage)
	case status >= 300 && status < 400:
		text += ", a redirect, which is not followed because it would carry the job's token to another address"
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		text += ": " + BearerVariable + " is not the token of a running job"
	}
	return failed(target, text, hintVariables)
}
