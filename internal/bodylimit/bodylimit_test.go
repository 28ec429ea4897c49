package bodylimit_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"goblin/vaultkit/internal/bodylimit"
	"goblin/vaultkit/internal/vaulterr"
)

// server answers with a status and a body.
type server struct {
	status int
	body   io.Reader
}

func (s server) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: s.status, Body: io.NopCloser(s.body), Request: r}, nil
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(into []byte) (int, error) {
	for i := range into {
		into[i] = 'x'
	}
	return len(into), nil
}

func readAll(ctx context.Context, t *testing.T, s server) (int, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://vault.invalid", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := bodylimit.Transport(s).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return len(text), err
}

func TestTransport_LimitsBodies(t *testing.T) {
	small := func() context.Context { return bodylimit.With(t.Context(), 100) }
	for name, tc := range map[string]struct {
		ctx     context.Context
		status  int
		body    io.Reader
		want    int
		tooLong bool
	}{
		"empty":                  {small(), 200, strings.NewReader(""), 0, false},
		"at the limit":           {small(), 200, strings.NewReader(strings.Repeat("x", 100)), 100, false},
		"at the limit, by bytes": {small(), 200, iotest.OneByteReader(strings.NewReader(strings.Repeat("x", 100))), 100, false},
		"one over":               {small(), 200, strings.NewReader(strings.Repeat("x", 101)), 100, true},
		"one over, by bytes":     {small(), 200, iotest.OneByteReader(strings.NewReader(strings.Repeat("x", 101))), 100, true},
		"endless":                {small(), 200, endless{}, 100, true},
		"a stream":               {t.Context(), 200, io.LimitReader(endless{}, 64<<20), 64 << 20, false},
		"a connection":           {small(), 101, io.LimitReader(endless{}, 1000), 1000, false},
		"endless failure":        {small(), 403, endless{}, bodylimit.MaxFailure, false},
		"endless redirect":       {t.Context(), 307, endless{}, bodylimit.MaxFailure, false},
		"the first limit counts": {bodylimit.With(small(), 1000), 200, endless{}, 100, true},
	} {
		n, err := readAll(tc.ctx, t, server{tc.status, tc.body})
		if n != tc.want || (err != nil) != tc.tooLong {
			t.Errorf("%s: read %d bytes, %v, want %d", name, n, err, tc.want)
		}
		if tc.tooLong && (!errors.Is(err, vaulterr.ErrUnavailable) || vaulterr.Retryable(err) || !vaulterr.MaybeApplied(err)) {
			t.Errorf("%s: %v has ErrUnavailable %t, Retryable %t, Doubtful %t, want false, false, true", name, err,
				errors.Is(err, vaulterr.ErrUnavailable), vaulterr.Retryable(err), vaulterr.MaybeApplied(err))
		}
	}
}

func TestTransport_ReadKeepsFailingBeyondTheLimit(t *testing.T) {
	r, err := http.NewRequestWithContext(bodylimit.With(t.Context(), 3), http.MethodGet, "http://vault.invalid", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := bodylimit.Transport(server{200, endless{}}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_, _ = io.ReadAll(response.Body)
	if n, err := response.Body.Read(make([]byte, 10)); n != 0 || err == nil {
		t.Errorf("Read = %d, %v, want an error", n, err)
	}
}

func TestTransport_ReturnsItsNextsError(t *testing.T) {
	for _, want := range []error{errors.New("down"), nil} { // nil, nil is a bug of a transport, which net/http reports
		passedOn(t, want)
	}
}

func passedOn(t *testing.T, want error) {
	t.Helper()
	failing := roundTrip(func(*http.Request) (*http.Response, error) { return nil, want })
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://vault.invalid", nil)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := bodylimit.Transport(failing).RoundTrip(r); response != nil || !errors.Is(err, want) {
		t.Errorf("RoundTrip = %v, %v, want %v", response, err, want)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
