// Package githubtoken asks GitHub for the identity token (a JWT) of a job of GitHub Actions.
package githubtoken

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/vaulterr"
)

// The variables that GitHub sets in a job with the permission id-token: write. See
// https://docs.github.com/en/actions/reference/security/oidc
const (
	URLVariable    = "ACTIONS_ID_TOKEN_REQUEST_URL"
	BearerVariable = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
)

const (
	attempts = 3
	// attemptTimeout is less than the default of Timeouts.Start, so that a client that starts does
	// not wait for one lost request alone.
	attemptTimeout = 4 * time.Second
	maxResponse    = 64 << 10 // as for a credential in a file
)

// Request says which token to ask for. Formatting it prints no secret.
type Request struct {
	// Audience is the token's audience. Empty: GitHub's default, the URL of the repository's owner.
	Audience string
	// Lookup returns the value of an environment variable, or "".
	Lookup func(name string) string
	// Masks gets GitHub's command that masks the token in the job's log, if the program runs in
	// a job.
	Masks io.Writer
	// Backoff sets the pauses between attempts.
	Backoff backoff.Backoff
	// Transport, if not nil, replaces the network in tests.
	Transport http.RoundTripper
}

// Token asks GitHub for a token, and masks it in the job's log. It tries again, at most twice, if
// there is no response, or a status of 429 or 500 and above.
//
// Errors: ErrInvalid if GitHub's variables are missing or not safe to use, ErrUnauthenticated if
// GitHub gives no token. It is none of the sentinels if ctx was cancelled.
func (r Request) Token(ctx context.Context) (string, error) {
	target, bearer, err := r.target()
	if err != nil {
		return "", err
	}
	for attempt := 1; ; attempt++ {
		token, again, err := r.ask(ctx, target, bearer)
		switch {
		case err == nil:
			return r.masked(token)
		case errors.Is(ctx.Err(), context.Canceled):
			return "", &vaulterr.Error{Detail: "waiting for GitHub's identity token", Err: ctx.Err()}
		case !again, attempt == attempts, r.Backoff.Wait(ctx, attempt) != nil:
			return "", err
		}
	}
}

// target returns the URL with the audience, and the token that authorizes the request.
func (r Request) target() (target *url.URL, bearer string, err error) {
	address, bearer := r.Lookup(URLVariable), r.Lookup(BearerVariable)
	switch {
	case address == "":
		return nil, "", missing(URLVariable)
	case bearer == "":
		return nil, "", missing(BearerVariable)
	case strings.ContainsFunc(bearer, notVisible):
		return nil, "", vaulterr.Invalid("%s contains characters that a header cannot have", BearerVariable)
	}
	target, err = url.Parse(address)
	if err != nil || target.Hostname() == "" || target.User != nil {
		return nil, "", badURL()
	}
	if target.Scheme != "https" && (target.Scheme != "http" || !loopback(target.Hostname())) {
		return nil, "", vaulterr.Invalid("%s does not begin with https://: the token that authorizes the request would travel in plain text", URLVariable)
	}
	if r.Audience != "" {
		query := target.Query()
		query.Set("audience", r.Audience)
		target.RawQuery = query.Encode()
	}
	return target, bearer, nil
}

// notVisible reports whether c is not a visible ASCII character.
func notVisible(c rune) bool { return c <= ' ' || c > '~' }

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// ask sends one request. again reports whether another may succeed.
func (r Request) ask(ctx context.Context, target *url.URL, bearer string) (token string, again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return "", false, badURL()
	}
	request.Header.Set("Authorization", "Bearer "+bearer)
	request.Header.Set("Accept", "application/json")
	response, err := r.client().Do(request)
	if err != nil {
		return "", !vaulterr.TLSMismatch(err), lost(target, err)
	}
	defer response.Body.Close()
	if status := response.StatusCode; status != http.StatusOK {
		again = status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
		return "", again, refusedBy(target, status, again)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxResponse+1))
	if err != nil {
		return "", true, lost(target, err)
	}
	token, problem := parse(body)
	if problem != "" {
		return "", false, failed(target, problem, hintVariables)
	}
	return token, false, nil
}

// client returns a client that follows no redirect, which would carry the bearer token to another
// address.
func (r Request) client() *http.Client {
	transport := r.Transport
	if transport == nil { // it keeps no connection open: there is one request for each login
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// compactJWT matches the form in which a JWT travels (RFC 7519, section 3). The mask needs it: a
// line break would end the command.
var compactJWT = regexp.MustCompile(`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$`)

// parse returns the token in a response, or what is wrong with the response.
func parse(body []byte) (token, problem string) {
	var response struct {
		Value string `json:"value"`
	}
	switch {
	case len(body) > maxResponse:
		return "", fmt.Sprintf("the response is longer than %d bytes", maxResponse)
	case json.Unmarshal(body, &response) != nil:
		return "", "the response is not the JSON that GitHub sends"
	case response.Value == "":
		return "", "the response has no value"
	case !compactJWT.MatchString(response.Value):
		return "", "the value in the response is not a JWT"
	}
	return response.Value, ""
}

// masked returns the token after it is masked in the log of a job. GitHub's runner reads commands
// from standard error as from standard output: see src/Runner.Worker/Handlers/ScriptHandler.cs and
// OutputManager.cs in github.com/actions/runner.
func (r Request) masked(token string) (string, error) {
	if r.Masks == nil || r.Lookup("GITHUB_ACTIONS") != "true" {
		return token, nil
	}
	if _, err := fmt.Fprintln(r.Masks, "::add-mask::"+token); err != nil {
		return "", &vaulterr.Error{Kind: vaulterr.ErrInvalid, Detail: "the command that masks GitHub's identity token cannot be written", Err: err}
	}
	return token, nil
}
