package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
)

// TestVerifier_ThreeOutcomes: 401 alone rejects a key, a success with JSON confirms it, and
// everything else leaves it open.
func TestVerifier_ThreeOutcomes(t *testing.T) {
	const list = `{"data": []}`
	for name, tc := range map[string]struct {
		answer
		rejected []int
		want     error
	}{
		"works":                 {answer{200, list}, nil, nil},
		"a list":                {answer{200, " \n[]"}, nil, nil},
		"no content":            {answer{204, ""}, nil, nil},
		"no error":              {answer{200, `{"error": null, "data": []}`}, nil, nil},
		"401":                   {answer{401, "KEY \x1b[31m"}, nil, ErrRejected},
		"401 with a page":       {answer{401, "<html>"}, nil, ErrRejected},
		"400":                   {answer{400, ""}, nil, ErrUnknown},
		"403":                   {answer{403, `{"error": "missing scopes"}`}, nil, ErrUnknown},
		"403 as described":      {answer{403, ""}, []int{401, 403}, ErrRejected},
		"401 not as described":  {answer{401, ""}, []int{403}, ErrUnknown},
		"404":                   {answer{404, ""}, nil, ErrUnknown},
		"407":                   {answer{407, ""}, nil, ErrUnknown},
		"429":                   {answer{429, ""}, nil, ErrUnknown},
		"500":                   {answer{500, list}, nil, ErrUnknown},
		"503":                   {answer{503, ""}, nil, ErrUnknown},
		"529":                   {answer{529, ""}, nil, ErrUnknown},
		"302":                   {answer{302, ""}, nil, ErrUnknown},
		"304":                   {answer{304, ""}, nil, ErrUnknown},
		"a login page":          {answer{200, "<html>KEY</html>"}, nil, ErrUnknown},
		"an empty page":         {answer{200, ""}, nil, ErrUnknown},
		"a string":              {answer{200, `"welcome"`}, nil, ErrUnknown},
		"half an object":        {answer{200, `{"data": [`}, nil, ErrUnknown},
		"an error":              {answer{200, `{"error": {"message": "invalid key KEY"}}`}, nil, ErrUnknown},
		"deeply nested":         {answer{200, strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)}, nil, ErrUnknown},
		"longer than the limit": {answer{200, `["` + strings.Repeat("x", maxBody) + `"]`}, nil, ErrUnknown},
		"below the limit":       {answer{200, `["` + strings.Repeat("x", maxBody-10) + `"]`}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			api := standInAnswering(t, tc.answer)
			v := Endpoint{URL: api.URL, Rejected: tc.rejected}.Verifier(Wait(0))
			wantOutcome(t, "Verifier", try(t.Context(), v, deadKey), tc.want)
		})
	}
}

// TestVerifier_AnAPIOpenToEverybodyTellsNothing: a success counts only if the API refuses the
// same request without a key.
func TestVerifier_AnAPIOpenToEverybodyTellsNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		withoutKey answer
		want       error
	}{
		"the same":          {answer{200, `{"data": []}`}, ErrUnknown},
		"refused":           {answer{401, ""}, nil},
		"forbidden":         {answer{403, ""}, nil},
		"sent to the login": {answer{302, ""}, nil},
		"a login page":      {answer{200, "<html>please log in</html>"}, nil},
		"too many requests": {answer{429, ""}, ErrUnknown},
		"out of order":      {answer{502, ""}, ErrUnknown},
	} {
		api := newStandIn(t, "Authorization", func(key string) answer {
			if key == "" {
				return tc.withoutKey
			}
			return answer{200, `{"data": []}`}
		})
		api.Start()
		wantOutcome(t, "Verifier, without a key: "+name, try(t.Context(), Compatible(api.URL, Wait(0)), goodKey), tc.want)
		if len(api.requests) != 2 {
			t.Errorf("%s: %d requests, want one with the key and one without", name, len(api.requests))
		}
	}
}

// TestVerifier_NoResponse: a server that cannot be reached, hangs up, takes too long or sends too
// much leaves the outcome open.
func TestVerifier_NoResponse(t *testing.T) {
	serve := func(handler http.HandlerFunc) string {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		return server.URL
	}
	release := make(chan struct{})
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = nil
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	for name, url := range map[string]string{
		"nobody listens": gone.URL,
		"hangs up": serve(func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}),
		"incomplete response": serve(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `{"key": "`, r.Header.Get("Authorization"))
			panic(http.ErrAbortHandler)
		}),
		"too long a header": serve(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			w.Header().Set("X-Long", strings.Repeat(r.Header.Get("Authorization"), 64<<10/10))
			fmt.Fprint(w, "{}")
		}),
		"a broken redirect": serve(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://[canary")
			w.WriteHeader(http.StatusFound)
		}),
		"no answer": serve(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}),
		"an answer without end": serve(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `{"data": "`)
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}),
	} {
		patient := func(o *options) { o.attemptTimeout = 100 * time.Millisecond }
		wantOutcome(t, "Verifier, "+name, try(t.Context(), Endpoint{URL: url}.Verifier(Wait(0), patient), deadKey), ErrUnknown)
	}
	close(release)
}

// TestVerifier_ConnectionRefused: the error says so, and whether it was the host or the proxy.
func TestVerifier_ConnectionRefused(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	address, err := url.Parse(gone.URL)
	if err != nil {
		t.Fatalf("url.Parse(%s) = %v, want no error", gone.URL, err)
	}
	behindProxy := func(o *options) {
		o.transport = func(bool) http.RoundTripper { return &http.Transport{Proxy: http.ProxyURL(address)} }
	}
	for want, v := range map[string]Verifier{
		address.Host + ": connection refused":          Compatible(gone.URL, Wait(0)),
		"example.com: connection to the proxy refused": Compatible("https://example.com", Wait(0), behindProxy),
	} {
		err := try(t.Context(), v, deadKey)
		if wantOutcome(t, "Verifier, "+want, err, ErrUnknown); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("Verifier, a refused connection = %v, want %q at the end", err, want)
		}
	}
}

// TestVerifier_UntrustedCertificate: a certificate of nobody leaves the outcome open, and the
// error says why.
func TestVerifier_UntrustedCertificate(t *testing.T) {
	api := newStandIn(t, "Authorization", func(string) answer { return answer{401, ""} })
	trusting := api.inPlaceOf()
	distrusting := func(o *options) {
		trusting(o)
		inner := o.transport
		o.transport = func(plainText bool) http.RoundTripper {
			transport := inner(plainText).(*http.Transport)
			transport.TLSClientConfig = nil
			return transport
		}
	}
	err := try(t.Context(), OpenAI(Wait(0), distrusting), deadKey)
	wantOutcome(t, "Verifier", err, ErrUnknown)
	if !strings.Contains(err.Error(), "certificate") || len(api.requests) > 0 {
		t.Errorf("Verifier = %v, after %d requests, want an error that names the certificate, and no request", err, len(api.requests))
	}
}

// TestVerifier_FollowsNoRedirect: the key does not travel to another address.
func TestVerifier_FollowsNoRedirect(t *testing.T) {
	elsewhere := standInAnswering(t, answer{200, "{}"})
	for _, status := range []int{301, 302, 303, 307, 308} {
		api := httptest.NewServer(http.RedirectHandler(elsewhere.URL, status))
		err := try(t.Context(), Endpoint{URL: api.URL}.Verifier(Wait(0)), goodKey)
		api.Close()
		wantOutcome(t, fmt.Sprintf("Verifier, HTTP %d", status), err, ErrUnknown)
		if !strings.Contains(err.Error(), "redirect") {
			t.Errorf("Verifier = %v for HTTP %d, want an error that names the redirect", err, status)
		}
	}
	if n := len(elsewhere.requests); n > 0 {
		t.Errorf("the target of the redirects got %d requests, want none", n)
	}
}

// TestVerifier_UsesTheProxyForTLSOnly: a proxy sees no key and a request without TLS uses no
// proxy.
func TestVerifier_UsesTheProxyForTLSOnly(t *testing.T) {
	wantOutcome(t, "OpenAI through a proxy", try(t.Context(), OpenAI(Wait(0)), deadKey), ErrUnknown)
	proxy.mu.Lock()
	defer proxy.mu.Unlock()
	if len(proxy.requests) != 1 || proxy.requests[0].Method != http.MethodConnect || proxy.requests[0].Host != "api.openai.com:443" {
		t.Fatalf("requests to the proxy = %v, want CONNECT api.openai.com:443", proxy.requests)
	}
	if text := fmt.Sprint(proxy.requests[0].Header); strings.Contains(text, deadKey) {
		t.Errorf("the proxy got the headers %s, want no key", text)
	}
	if newTransport(true).(*http.Transport).Proxy != nil {
		t.Error("newTransport(plain text) uses a proxy, which would see the key")
	}
}

// TestVerifier_PlainTextStaysOnThisMachine: whoever answers the look-up of localhost does not get
// the key in plain text.
func TestVerifier_PlainTextStaysOnThisMachine(t *testing.T) {
	for _, address := range []string{"192.0.2.1:80", "[2001:db8::1]:80", "0.0.0.0:80"} {
		if err := onlyLoopback("tcp", address, nil); !errors.Is(err, errNotLoopback) {
			t.Errorf("onlyLoopback(%s) = %v, want %v", address, err, errNotLoopback)
		}
	}
	dial := newTransport(true).(*http.Transport).DialContext
	if dial == nil {
		t.Fatal("newTransport(plain text) dials any address")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := dial(ctx, "tcp", "192.0.2.1:80"); !errors.Is(err, errNotLoopback) {
		t.Errorf("a request in plain text to 192.0.2.1 = %v, want %v", err, errNotLoopback)
	}
}

// TestAllowUnknown: an unknown outcome passes and is reported. A rejected key does not pass, and
// neither does an interrupted attempt.
func TestAllowUnknown(t *testing.T) {
	var reported []error
	report := AllowUnknown(func(err error) { reported = append(reported, err) })
	limited, rejecting := standInAnswering(t, answer{429, ""}), standInAnswering(t, answer{401, ""})
	wantOutcome(t, "Verifier, HTTP 429", try(t.Context(), Endpoint{URL: limited.URL}.Verifier(Wait(0), report), goodKey), nil)
	if len(reported) != 1 || !errors.Is(reported[0], ErrUnknown) {
		t.Errorf("reported %v, want one ErrUnknown", reported)
	}
	wantOutcome(t, "Verifier with AllowUnknown(nil)", try(t.Context(), Endpoint{URL: limited.URL}.Verifier(Wait(0), AllowUnknown(nil)), goodKey), nil)
	wantOutcome(t, "Verifier, HTTP 401", try(t.Context(), Endpoint{URL: rejecting.URL}.Verifier(Wait(0), report), goodKey), ErrRejected)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := try(ctx, Endpoint{URL: limited.URL}.Verifier(report), goodKey)
	wantOutcome(t, "Verifier, canceled", err, ErrUnknown)
	if !errors.Is(err, context.Canceled) || len(reported) != 1 {
		t.Errorf("Verifier, canceled = %v, reported %v, want context.Canceled and no further report", err, reported)
	}
}

// TestVerifier_RefusesBeforeItSends: what can never work, or is not safe, is an ErrInvalid that
// no option turns into a success.
func TestVerifier_RefusesBeforeItSends(t *testing.T) {
	const safe = "https://127.0.0.1:1"
	headers := func(name, value string) map[string]string { return map[string]string{name: value} }
	for want, e := range map[string]Endpoint{
		"https://host/path":        {},
		"the form https://host":    {URL: "api.example.com"},
		"plain text":               {URL: "http://api.example.com"},
		"begin with https":         {URL: "ftp://api.example.com"},
		"user name or password":    {URL: "https://user:canary@api.example.com"},
		"method":                   {URL: safe, Method: "DELETE"},
		`the header "x api"`:       {URL: safe, Header: "x api"},
		`the header "Host"`:        {URL: safe, Header: "Host"},
		`the scheme "a\nb"`:        {URL: safe, Scheme: "a\nb"},
		"carries the key":          {URL: safe, Headers: headers("authorization", "x")},
		`"X-A" cannot be set`:      {URL: safe, Headers: headers("X-A", "a\r\nX-B: canary")},
		`"host" cannot be set`:     {URL: safe, Headers: headers("host", "other.example.com")},
		`"Proxy-Authorization"`:    {URL: safe, Headers: headers("Proxy-Authorization", "x")},
		`"content-length" cannot`:  {URL: safe, Headers: headers("content-length", "5")},
		`no field "another_field"`: {URL: safe},
	} {
		opts := []Option{AllowUnknown(nil)}
		if strings.Contains(want, "another_field") {
			opts = append(opts, Field("another_field"))
		}
		err := try(t.Context(), e.Verifier(opts...), goodKey)
		wantOutcome(t, fmt.Sprintf("Verifier of %+v", e.URL), err, vaultkit.ErrInvalid)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Verifier = %v, want ErrInvalid with %q", err, want)
		}
	}
	for _, key := range []string{"", " sk-canary", "sk-canary\r\nX-B: b", "sk-canary\n", "sk-canary\x00", "sk-canary\x7f", "sk-canary\u202e", "sk-canary-\xff", "sk-canary-é"} {
		err := try(t.Context(), Endpoint{URL: safe}.Verifier(AllowUnknown(nil)), key)
		wantOutcome(t, fmt.Sprintf("Verifier with the key %q", key), err, vaultkit.ErrInvalid)
		if err == nil || !strings.Contains(err.Error(), "line break") {
			t.Errorf("Verifier with the key %q = %v, want an error that says what is wrong with it", key, err)
		}
	}
}

// TestEndpoint_SendsWhatItDescribes: one's own request carries the key as described.
func TestEndpoint_SendsWhatItDescribes(t *testing.T) {
	for want, e := range map[string]Endpoint{
		"GET Authorization Bearer " + goodKey: {},
		"POST Authorization Key " + goodKey:   {Method: "POST", Scheme: "Key"},
		"HEAD X-Key " + goodKey:               {Method: "HEAD", Header: "X-Key"},
		"GET Authorization " + goodKey:        {Scheme: "-"},
		"GET X-Key Token " + goodKey:          {Header: "X-Key", Scheme: "Token", Headers: map[string]string{"X-Version": "2"}},
	} {
		api := newStandIn(t, e.header(), func(key string) answer {
			if key == "" {
				return answer{403, ""}
			}
			return answer{200, "{}"}
		})
		api.Start()
		e.URL = api.URL + "/v2/me?kind=a"
		wantOutcome(t, want, try(t.Context(), e.Verifier(), goodKey), nil)
		r := api.requests[0]
		if got := r.Method + " " + e.header() + " " + r.Header.Get(e.header()); got != want || r.URL.String() != "/v2/me?kind=a" {
			t.Errorf("request = %s %s, want %s /v2/me?kind=a", got, r.URL, want)
		}
		if got := r.Header.Get("X-Version"); got != e.Headers["X-Version"] {
			t.Errorf("X-Version = %q, want %q", got, e.Headers["X-Version"])
		}
	}
}
