package githubtoken_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/githubtoken"
	"goblin/vaultkit/internal/vaulterr"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	goleak.VerifyTestMain(m)
}

const (
	bearer = "canary-bearer"
	jwt    = "canary-header.canary_payload.canary-signature"
)

// endpoint is GitHub's endpoint for identity tokens.
type endpoint struct {
	*httptest.Server

	mu       sync.Mutex
	requests []*http.Request
}

// newEndpoint returns an endpoint with a handler, and the request for a token from it.
func newEndpoint(t *testing.T, answer http.HandlerFunc) (*endpoint, githubtoken.Request) {
	t.Helper()
	e := &endpoint{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		e.requests = append(e.requests, r)
		e.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(e.Close)
	return e, request(e.URL + "/token?api-version=2.0&x=a%20b")
}

// received returns the requests so far.
func (e *endpoint) received() []*http.Request {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.requests
}

// request returns the request of a job with the URL. It does not pause between attempts.
func request(address string) githubtoken.Request {
	return githubtoken.Request{
		Lookup: lookup(map[string]string{
			"ACTIONS_ID_TOKEN_REQUEST_URL": address, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": bearer, "GITHUB_ACTIONS": "true",
		}),
		Masks:   io.Discard,
		Backoff: backoff.Backoff{Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }},
	}
}

func lookup(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

// body returns a handler that sends the text.
func body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, `{"message":"canary-of-the-response","value":"`+jwt+`"}`)
	}
}

var token = body(`{"count":1,"value":"` + jwt + `"}`)

// refused expects an error of a kind, with the texts and without a secret.
func refused(t *testing.T, r githubtoken.Request, kind error, texts ...string) {
	t.Helper()
	got, err := r.Token(t.Context())
	failure, ok := errors.AsType[*vaulterr.Error](err)
	if got != "" || !ok || !errors.Is(failure.Kind, kind) {
		t.Fatalf("Token = %q, %v, want no token and %v", got, err, kind)
	}
	said := noSecrets(t, err)
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Errorf("Token = %s, want %q in it", said, text)
		}
	}
}

// noSecrets fails the test if an error prints a secret, or a control character. It returns the
// error's text.
func noSecrets(t *testing.T, err error) string {
	t.Helper()
	text, _ := json.Marshal(err)
	all := fmt.Sprintf("%v %+v %#v %q %s", err, err, err, err, text)
	if strings.Contains(all, "canary") || strings.ContainsAny(err.Error(), "\x1b\x07\n\r\u202e") {
		t.Errorf("the error prints a secret or a control character: %s", all)
	}
	return err.Error()
}

func TestToken_AsksWithTheJobsToken(t *testing.T) {
	for audience, query := range map[string]string{
		"":                       "/token?api-version=2.0&x=a%20b",
		"vault":                  "/token?api-version=2.0&audience=vault&x=a+b",
		"https://v.example/?a=b": "/token?api-version=2.0&audience=" + url.QueryEscape("https://v.example/?a=b") + "&x=a+b",
		"a&audience=b":           "/token?api-version=2.0&audience=a%26audience%3Db&x=a+b",
	} {
		e, r := newEndpoint(t, token)
		r.Audience = audience
		for range 2 {
			if got, err := r.Token(t.Context()); got != jwt || err != nil {
				t.Errorf("Token = %q, %v, want the token", got, err)
			}
		}
		if n := len(e.received()); n != 2 {
			t.Fatalf("%d requests for two tokens, want 2", n)
		}
		for _, got := range e.received() {
			if got.Method != http.MethodGet || got.URL.String() != query {
				t.Errorf("the request for the audience %q is %s %s, want GET %s", audience, got.Method, got.URL, query)
			}
			if header := got.Header.Get("Authorization"); header != "Bearer "+bearer {
				t.Errorf("the header Authorization is %q, want the job's token", header)
			}
		}
	}
}

func TestToken_ReplacesAnAudienceInTheURL(t *testing.T) {
	e, _ := newEndpoint(t, token)
	r := request(e.URL + "/?audience=one&audience=two")
	r.Audience = "vault"
	if _, err := r.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := e.received()[0].URL.RawQuery; got != "audience=vault" {
		t.Errorf("the query is %q, want one audience", got)
	}
}

func TestToken_UnusableVariables(t *testing.T) {
	e, _ := newEndpoint(t, token)
	plain := strings.TrimPrefix(e.URL, "http://")
	for name, tc := range map[string]struct {
		url, bearer string
		says        []string
	}{
		"no URL":              {"", bearer, []string{"ACTIONS_ID_TOKEN_REQUEST_URL is not set", "permissions: id-token: write", "from a fork"}},
		"no bearer":           {e.URL, "", []string{"ACTIONS_ID_TOKEN_REQUEST_TOKEN is not set", "permissions: id-token: write", "from a fork"}},
		"neither":             {"", "", []string{"ACTIONS_ID_TOKEN_REQUEST_URL is not set"}},
		"plain HTTP":          {"http://192.0.2.1/", bearer, []string{"does not begin with https://", "in plain text"}},
		"plain HTTP to names": {"http://localhost.canary.invalid/", bearer, []string{"does not begin with https://"}},
		"user":                {"http://someone@" + plain, bearer, []string{"is not a URL like https://host/path"}},
		"password":            {"http://someone:canary@" + plain, bearer, []string{"is not a URL like https://host/path"}},
		"no host":             {"https:///canary", bearer, []string{"is not a URL like https://host/path"}},
		"port alone":          {"https://:443/canary", bearer, []string{"is not a URL like https://host/path"}},
		"no scheme":           {plain, bearer, []string{"is not a URL like https://host/path"}},
		"other scheme":        {"file:///etc/canary", bearer, []string{"is not a URL like https://host/path"}},
		"ftp":                 {"ftp://" + plain, bearer, []string{"does not begin with https://"}},
		"control characters":  {e.URL + "/\x1b[31mcanary", bearer, []string{"is not a URL like https://host/path"}},
		"bearer with a break": {e.URL, bearer + "\r\nX-Fake: 1", []string{"ACTIONS_ID_TOKEN_REQUEST_TOKEN contains characters"}},
		"bearer not ASCII":    {e.URL, bearer + "ä", []string{"ACTIONS_ID_TOKEN_REQUEST_TOKEN contains characters"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(tc.url)
			r.Lookup = lookup(map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": tc.url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": tc.bearer})
			refused(t, r, vaulterr.ErrInvalid, tc.says...)
		})
	}
	if n := len(e.received()); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
}

func TestToken_PlainHTTPOnLoopback(t *testing.T) {
	e, _ := newEndpoint(t, token)
	for _, host := range []string{"127.0.0.1", "localhost"} {
		if _, err := request(strings.Replace(e.URL, "127.0.0.1", host, 1)).Token(t.Context()); err != nil {
			t.Errorf("Token from %s = %v, want no error", host, err)
		}
	}
	// ::1 may be missing on a machine. The request must be sent, whatever becomes of it.
	refused(t, request("http://[::1]:1/"), vaulterr.ErrUnauthenticated, "no complete response")
}

func TestToken_Statuses(t *testing.T) {
	for code, tc := range map[int]struct {
		requests int
		says     string
	}{
		201: {1, "HTTP 201"}, 204: {1, "HTTP 204"}, 400: {1, "HTTP 400; use GitHub's variables unchanged"}, 404: {1, "HTTP 404"},
		401: {1, "HTTP 401: ACTIONS_ID_TOKEN_REQUEST_TOKEN is not the token of a running job"},
		403: {1, "HTTP 403: ACTIONS_ID_TOKEN_REQUEST_TOKEN is not the token of a running job"},
		429: {3, "HTTP 429; GitHub may have an outage"}, 500: {3, "HTTP 500; GitHub may have an outage"}, 503: {3, "HTTP 503"},
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			e, r := newEndpoint(t, status(code))
			refused(t, r, vaulterr.ErrUnauthenticated, "no identity token from GitHub at "+strings.TrimPrefix(e.URL, "http://"), tc.says)
			if n := len(e.received()); n != tc.requests {
				t.Errorf("%d requests, want %d", n, tc.requests)
			}
		})
	}
}

func TestToken_SecondAttemptSucceeds(t *testing.T) {
	first := true
	e, r := newEndpoint(t, func(w http.ResponseWriter, req *http.Request) {
		if first {
			first = false
			panic(http.ErrAbortHandler) // the connection ends
		}
		token(w, req)
	})
	if got, err := r.Token(t.Context()); got != jwt || err != nil || len(e.received()) != 2 {
		t.Errorf("Token = %q, %v after %d requests, want the token after 2", got, err, len(e.received()))
	}
}

func TestToken_FollowsNoRedirect(t *testing.T) {
	other, _ := newEndpoint(t, token)
	for _, code := range []int{301, 302, 303, 307, 308} {
		e, r := newEndpoint(t, func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, other.URL+"/canary", code)
		})
		refused(t, r, vaulterr.ErrUnauthenticated, fmt.Sprintf("HTTP %d, a redirect, which is not followed", code))
		if n := len(e.received()); n != 1 {
			t.Errorf("%d requests with the status %d, want 1", n, code)
		}
	}
	if n := len(other.received()); n != 0 {
		t.Errorf("%d requests to the redirect's target, want none", n)
	}
}

func TestToken_UnusableResponses(t *testing.T) {
	for name, tc := range map[string]struct {
		body, says string
	}{
		"empty":             {"", "is not the JSON that GitHub sends"},
		"HTML":              {"<html>canary</html>", "is not the JSON that GitHub sends"},
		"no object":         {`"canary"`, "is not the JSON that GitHub sends"},
		"truncated":         {`{"value":"` + jwt, "is not the JSON that GitHub sends"},
		"two values":        {`{"value":"` + jwt + `"}{}`, "is not the JSON that GitHub sends"},
		"no value":          {`{"count":0}`, "has no value"},
		"null":              {`{"value":null}`, "has no value"},
		"empty value":       {`{"value":""}`, "has no value"},
		"number":            {`{"value":17}`, "is not the JSON that GitHub sends"},
		"list":              {`{"value":["` + jwt + `"]}`, "is not the JSON that GitHub sends"},
		"not a JWT":         {`{"value":"canary"}`, "is not a JWT"},
		"line break":        {`{"value":"` + jwt + `\n"}`, "is not a JWT"},
		"line break within": {`{"value":"a.b\n::stop-commands::canary.c"}`, "is not a JWT"},
		"escape":            {`{"value":"` + jwt + `\u001b[31m"}`, "is not a JWT"},
		"space":             {`{"value":" ` + jwt + `"}`, "is not a JWT"},
		"five parts":        {`{"value":"a.b.c.d.canary"}`, "is not a JWT"},
		"padding":           {`{"value":"a=.b=.canary="}`, "is not a JWT"},
		"huge":              {`{"value":"` + jwt + strings.Repeat("a", 70_000) + `"}`, "is longer than 65536 bytes"},
		"huge after":        {`{"value":"` + jwt + `"}` + strings.Repeat(" ", 70_000), "is longer than 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			var masks bytes.Buffer
			e, r := newEndpoint(t, body(tc.body))
			r.Masks = &masks
			refused(t, r, vaulterr.ErrUnauthenticated, tc.says)
			if n := len(e.received()); n != 1 || masks.Len() > 0 {
				t.Errorf("%d requests and the masks %q, want 1 and none", n, &masks)
			}
		})
	}
}

func TestToken_IncompleteResponse(t *testing.T) {
	e, r := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"value":"`+jwt+`"}`)
	})
	refused(t, r, vaulterr.ErrUnauthenticated, "no complete response", "closed before the response was complete", "check that the job reaches GitHub")
	if n := len(e.received()); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
}

func TestToken_ConnectionRefused(t *testing.T) {
	e, r := newEndpoint(t, token)
	e.Close()
	refused(t, r, vaulterr.ErrUnauthenticated, "no complete response: no connection to 127.0.0.1", "connection refused")
}

// What the server sends is in no error, and the host is escaped.
func TestToken_HostileTexts(t *testing.T) {
	for _, line := range []string{
		"HTTP/1.1 500 \x1b[31mcanary\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 418 canary\r\nX-Fake: \x1b]0;canary\x07\r\nContent-Length: 0\r\n\r\n",
		"canary\x1b[31m\r\n\r\n",
		"HTTP/1.1 200 OK\r\ncanary\x1b\r\n\r\n",
	} {
		_, r := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
			connection, buffer, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer connection.Close()
			_, _ = buffer.WriteString(line)
			_ = buffer.Flush()
		})
		refused(t, r, vaulterr.ErrUnauthenticated)
	}
	r := request("https://host\u202e.invalid/")
	r.Transport = failing(errors.New("canary"))
	refused(t, r, vaulterr.ErrUnauthenticated, `host\u202e.invalid`, "no valid response")
}

// failing returns a transport whose requests fail.
func failing(err error) http.RoundTripper {
	return transport(func(*http.Request) (*http.Response, error) { return nil, err })
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// closing counts the times that it is closed.
type closing struct {
	io.Reader
	count *int
}

func (c closing) Close() error { *c.count++; return nil }

func TestToken_ClosesEachResponse(t *testing.T) {
	for code, text := range map[int]string{200: `{"value":"` + jwt + `"}`, 204: "", 302: "", 404: "canary"} {
		var closed int
		r := request("https://github.invalid")
		r.Transport = transport(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: code, Header: http.Header{}, Body: closing{strings.NewReader(text), &closed}, Request: r}, nil
		})
		if _, err := r.Token(t.Context()); closed != 1 {
			t.Errorf("Token = %v, response %d closed %d times, want once", err, code, closed)
		}
	}
}

func TestToken_Pauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := request("https://github.invalid")
		r.Transport, r.Backoff = failing(io.EOF), backoff.Backoff{Min: time.Second}
		start := time.Now()
		refused(t, r, vaulterr.ErrUnauthenticated)
		if took := time.Since(start); took < 1500*time.Millisecond || took > 3*time.Second {
			t.Errorf("Token took %v, want two pauses, of up to 1 s and 2 s", took)
		}
	})
}

// hanging never responds. It counts the requests.
func hanging(count *int) http.RoundTripper {
	return transport(func(r *http.Request) (*http.Response, error) {
		*count++
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
}

func TestToken_LimitsEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var count int
		r := request("https://github.invalid")
		r.Transport = hanging(&count)
		start := time.Now()
		refused(t, r, vaulterr.ErrUnauthenticated, "context deadline exceeded")
		if took := time.Since(start); count != 3 || took != 12*time.Second {
			t.Errorf("Token took %v for %d requests, want 4s for each of 3", took, count)
		}
	})
}

func TestToken_ContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var count int
		r := request("https://github.invalid")
		r.Transport = hanging(&count)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		_, err := r.Token(ctx)
		if took := time.Since(start); count != 2 || took != 5*time.Second || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, vaulterr.ErrUnauthenticated) {
			t.Errorf("Token = %v after %v and %d requests, want ErrUnauthenticated after 5s and 2", err, took, count)
		}
		noSecrets(t, err)
	})
}

func TestToken_Cancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var count int
		r := request("https://github.invalid")
		r.Transport = hanging(&count)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := r.Token(ctx)
		failure, ok := errors.AsType[*vaulterr.Error](err)
		if !ok || failure.Kind != nil || !errors.Is(err, context.Canceled) || count != 1 {
			t.Errorf("Token = %v after %d requests, want context.Canceled without a sentinel after 1", err, count)
		}
		noSecrets(t, err)
	})
}

func TestToken_Mask(t *testing.T) {
	for name, tc := range map[string]struct {
		actions, want string
	}{
		"in a job":  {"true", "::add-mask::" + jwt + "\n"},
		"elsewhere": {"", ""}, "not GitHub's value": {"1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var masks bytes.Buffer
			failures := 2
			e, r := newEndpoint(t, func(w http.ResponseWriter, req *http.Request) {
				if failures--; failures >= 0 {
					status(http.StatusBadGateway)(w, req)
					return
				}
				token(w, req)
			})
			r.Masks, r.Lookup = &masks, lookup(map[string]string{
				"ACTIONS_ID_TOKEN_REQUEST_URL": e.URL, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": bearer, "GITHUB_ACTIONS": tc.actions,
			})
			if _, err := r.Token(t.Context()); err != nil || masks.String() != tc.want {
				t.Errorf("Token = %v, masks %q, want no error and %q", err, &masks, tc.want)
			}
		})
	}
}

func TestToken_MaskCannotBeWritten(t *testing.T) {
	closed, _, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	_, r := newEndpoint(t, token)
	r.Masks = closed
	refused(t, r, vaulterr.ErrInvalid, "the command that masks GitHub's identity token cannot be written")
}
