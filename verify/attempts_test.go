package verify

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// script is a transport that answers the requests with a key by their turn; the last answer
// stands for all further ones. It answers 401 without a key.
type script struct {
	answers []answer
	began   time.Time
	asked   []time.Duration // when, from the beginning
	hang    bool            // give no answer
	without int             // the status without a key; 0: 401
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	a := answer{status: cmp.Or(s.without, http.StatusUnauthorized)}
	if r.Header.Get("Authorization") != "" {
		s.asked = append(s.asked, time.Since(s.began))
		if s.hang {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		a = s.answers[min(len(s.asked), len(s.answers))-1]
	}
	return &http.Response{StatusCode: a.status, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

func (s *script) verifier(opts ...Option) Verifier {
	s.began = time.Now()
	return Endpoint{URL: "https://api.example.com"}.Verifier(append(opts, func(o *options) {
		o.transport = func(bool) http.RoundTripper { return s }
	})...)
}

// TestWait_ANewKeyGetsTime: a key that is rejected at first, and works in time, works. What may
// not last is tried again, what would not change is not.
func TestWait_ANewKeyGetsTime(t *testing.T) {
	works := answer{200, "{}"}
	for name, tc := range map[string]struct {
		answers []int
		opts    []Option
		want    error
		asked   []time.Duration
	}{
		"works":                  {nil, nil, nil, []time.Duration{0}},
		"rejected at first":      {[]int{401, 401}, nil, nil, []time.Duration{0, 1, 3}},
		"limited at first":       {[]int{429, 503}, nil, nil, []time.Duration{0, 1, 3}},
		"at the last moment":     {[]int{401, 401, 401, 401}, nil, nil, []time.Duration{0, 1, 3, 7, 10}},
		"too late":               {[]int{401, 401, 401, 401, 401}, nil, ErrRejected, []time.Duration{0, 1, 3, 7, 10}},
		"limited for too long":   {[]int{429, 429, 429, 429, 429}, nil, ErrUnknown, []time.Duration{0, 1, 3, 7, 10}},
		"rejected, then limited": {[]int{401, 429, 429, 503, 503}, nil, ErrRejected, []time.Duration{0, 1, 3, 7, 10}},
		"rejected, then limited, unknown allowed": {[]int{401, 429, 429, 503, 503}, []Option{AllowUnknown(nil)}, ErrRejected,
			[]time.Duration{0, 1, 3, 7, 10}},
		"rejected, then forbidden": {[]int{401, 403}, nil, ErrUnknown, []time.Duration{0, 1}},
		"no time":                  {[]int{401}, []Option{Wait(0)}, ErrRejected, []time.Duration{0}},
		"negative time":            {[]int{401}, []Option{Wait(-1)}, ErrRejected, []time.Duration{0}},
		"two seconds":              {[]int{401, 401, 401}, []Option{Wait(2 * time.Second)}, ErrRejected, []time.Duration{0, 1, 2}},
		"forbidden":                {[]int{403, 403}, nil, ErrUnknown, []time.Duration{0}},
		"a redirect":               {[]int{302, 302}, nil, ErrUnknown, []time.Duration{0}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{}
			for _, status := range tc.answers {
				s.answers = append(s.answers, answer{status, ""})
			}
			s.answers = append(s.answers, works)
			wantOutcome(t, "Verifier, "+name, try(t.Context(), s.verifier(tc.opts...), goodKey), tc.want)
			for i := range tc.asked {
				tc.asked[i] *= time.Second
			}
			if !slices.Equal(s.asked, tc.asked) {
				t.Errorf("Verifier, %s: requests at %v, want %v", name, s.asked, tc.asked)
			}
		})
	}
}

// TestWait_AKeyThatIsAcceptedIsNotRejected: after a rejection the key begins to work, but the same
// request without a key gets no answer that says anything.
func TestWait_AKeyThatIsAcceptedIsNotRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []answer{{401, ""}, {200, "{}"}}, without: http.StatusServiceUnavailable}
		wantOutcome(t, "Verifier, accepted, then 503 without a key", try(t.Context(), s.verifier(), goodKey), ErrUnknown)
	})
}

// TestVerifier_AttemptsAreBounded: a server that does not answer gets 10 s for an attempt, and
// no further attempt when the time for a new key is over.
func TestVerifier_AttemptsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{hang: true}
		err := try(t.Context(), s.verifier(), goodKey)
		wantOutcome(t, "Verifier, no answer", err, ErrUnknown)
		if took := time.Since(s.began); took != 10*time.Second || !strings.Contains(err.Error(), "in time") {
			t.Errorf("Verifier = %v after %v, want an error that names the timeout after 10s", err, took)
		}
	})
}

// TestNewTransport_HasNoHTTP2: with GODEBUG=http2debug=2, Go logs the headers of HTTP/2, and so the key.
func TestNewTransport_HasNoHTTP2(t *testing.T) {
	for _, plainText := range []bool{true, false} {
		transport, ok := newTransport(plainText).(*http.Transport)
		if !ok || transport.Protocols == nil || transport.Protocols.HTTP2() || transport.Protocols.UnencryptedHTTP2() {
			t.Errorf("newTransport(%t) = %+v, want HTTP/1 alone", plainText, transport)
		}
	}
}

// endless is the body of a response that is much too long.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.read > 4*maxBody {
		return 0, io.EOF
	}
	for i := range p {
		p[i] = ' '
	}
	e.read += len(p)
	return len(p), nil
}

func (*endless) Close() error { return nil }

// roundTripper is a transport that is one function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestVerifier_ReadsNoMoreThanItsLimit: the rest of a response is not read, and could hold what
// changes the outcome.
func TestVerifier_ReadsNoMoreThanItsLimit(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusUnauthorized} {
		body := &endless{}
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Body: body, Request: r}, nil
		})
		err := try(t.Context(), OpenAI(Wait(0), func(o *options) {
			o.transport = func(bool) http.RoundTripper { return transport }
		}), goodKey)
		wantOutcome(t, "OpenAI, endless response", err, ErrUnknown)
		if !strings.Contains(err.Error(), "longer than 8 MiB") || body.read > 2*maxBody {
			t.Errorf("OpenAI = %v after %d bytes of a response with HTTP %d, want an error that names the limit", err, body.read, status)
		}
	}
}

// TestVerifier_EndsWithItsContext: the time for a new key ends with ctx. Then the outcome is what
// the last attempt has shown, and the error says that ctx has ended.
func TestVerifier_EndsWithItsContext(t *testing.T) {
	for name, tc := range map[string]struct {
		s    *script
		wait time.Duration
		want error
	}{
		"rejected":     {&script{answers: []answer{{401, ""}}}, defaultWait, ErrRejected},
		"limited":      {&script{answers: []answer{{429, ""}}}, defaultWait, ErrUnknown},
		"silent":       {&script{hang: true}, defaultWait, ErrUnknown},
		"silent, once": {&script{hang: true}, 0, ErrUnknown},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			err := try(ctx, tc.s.verifier(AllowUnknown(nil), Wait(tc.wait)), goodKey)
			wantOutcome(t, "Verifier, "+name, err, tc.want)
			if took := time.Since(tc.s.began); took != 2*time.Second || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Verifier, %s = %v after %v, want context.DeadlineExceeded after 2s", name, err, took)
			}
		})
	}
}
