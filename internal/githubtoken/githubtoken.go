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
	attempts       = 3
	attemptTimeout = 10 * time.Second
	maxAnswer      = 64 << 10 // as for a credential in a file
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
}

// Token asks GitHub for a token, and masks it in the job's log. It tries again, at most twice, if
// there is no response, or a status of 429 or 500 and above.
//
// Errors: ErrInvalid if GitHub's variables are missing or the URL is not safe, ErrUnauthenticated
// if GitHub gives no token.
func (r Request) Token(ctx context.Context) (string, error) {
	target, bearer, err := r.target()
	if err != nil {
		return "", err
	}
	for attempt := 1; ; attempt++ {
		token, again, err := ask(ctx, target, bearer)
		if err == nil {
			return token, r.mask(token)
		}
		if !again || attempt == attempts || r.Backoff.Wait(ctx, attempt) != nil {
			return "", err
		}
	}
}

// target returns the URL with the audience, and the token that authorizes the request.
func (r Request) target() (target *url.URL, bearer string, err error) {
	address, bearer := r.Lookup(URLVariable), r.Lookup(BearerVariable)
	for name, value := range map[string]string{URLVariable: address, BearerVariable: bearer} {
		if value == "" {
			return nil, "", missing(name)
		}
	}
	target, err = url.Parse(address)
	if err != nil || target.Host == "" || target.User != nil {
		return nil, "", vaulterr.Invalid("%s is not a URL", URLVariable)
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

func missing(name string) error {
	return &vaulterr.Error{
		Kind: vaulterr.ErrInvalid, Detail: name + " is not set, so GitHub gives this job no identity token",
		Hint: "give the job \"permissions: id-token: write\"; a pull request from a fork does not get it; outside GitHub Actions, use another credential",
	}
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// ask sends one request. again reports whether another may succeed.
func ask(ctx context.Context, target *url.URL, bearer string) (token string, again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return "", false, vaulterr.Invalid("%s is not a URL", URLVariable)
	}
	request.Header.Set("Authorization", "Bearer "+bearer)
	request.Header.Set("Accept", "application/json")
	response, err := httpClient().Do(request)
	if err != nil {
		// The error's own text may contain what the server sent.
		return "", !errors.Is(err, context.Canceled), refused(target, "no response", vaulterr.TransportError(err))
	}
	defer response.Body.Close()
	if status := response.StatusCode; status != http.StatusOK {
		again = status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
		return "", again, refused(target, explain(status), nil)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return "", true, refused(target, "the response is incomplete", vaulterr.TransportError(err))
	}
	token, err = parse(target, body)
	return token, false, err
}

// httpClient returns a client that follows no redirect, which would carry the bearer token
// to another address. It keeps no connection open: there is one request for each login.
func httpClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// explain describes a status that is not 200.
func explain(status int) string {
	text := fmt.Sprintf("HTTP %d", status)
	switch {
	case status >= 300 && status < 400:
		return text + ", a redirect, which is not followed because it would carry the job's token to another address"
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return text + ": " + BearerVariable + " belongs to a job that has ended, or is not the job's"
	}
	return text
}

// compactJWT matches the form in which a JWT travels (RFC 7519, section 3). The mask needs it: a
// line break would end the command.
var compactJWT = regexp.MustCompile(`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$`)

func parse(target *url.URL, body []byte) (string, error) {
	var answer struct {
		Value string `json:"value"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Value == "" {
		return "", refused(target, "the response has no value", nil)
	}
	if !compactJWT.MatchString(answer.Value) {
		return "", refused(target, "the value in the response is not a JWT", nil)
	}
	return answer.Value, nil
}

func refused(target *url.URL, detail string, cause error) error {
	return &vaulterr.Error{
		Kind:   vaulterr.ErrUnauthenticated,
		Detail: fmt.Sprintf("GitHub gives no identity token: %s from %s", detail, target.Host),
		Err:    cause,
	}
}

// mask hides the token in the log of a job.
func (r Request) mask(token string) error {
	if r.Masks == nil || r.Lookup("GITHUB_ACTIONS") != "true" {
		return nil
	}
	if _, err := fmt.Fprintln(r.Masks, "::add-mask::"+token); err != nil {
		return &vaulterr.Error{Kind: vaulterr.ErrInvalid, Detail: "the command that masks GitHub's identity token cannot be written", Err: err}
	}
	return nil
}
