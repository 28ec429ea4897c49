package vaultkittest

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// wire stands between the clients and the server. It records the requests and causes faults.
type wire struct {
	next    http.RoundTripper
	commits string // the path below which a rotation commits

	mu       sync.Mutex
	requests []Request
	cut      bool
	cutAfter Write // cut off after a write of this kind
	delay    time.Duration
	lose     int
	losing   []Write // empty: every write
	rivals   []func()
}

// Request is a request that a client sent.
type Request struct {
	Method string
	Path   string // without the leading /v1/
}

// RoundTrip sends a request, or causes the fault that a test asked for.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	cut, delay, rival := w.arrive(r.Method, path)
	if cut {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	if err := wait(r, delay); err != nil {
		return nil, err
	}
	if rival != nil {
		rival()
	}
	response, err := w.next.RoundTrip(r)
	if err == nil && w.loses(r.Method, path) {
		_ = response.Body.Close()
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	return response, err
}

// arrive records a request and returns the faults before it is served.
func (w *wire) arrive(method, path string) (cut bool, delay time.Duration, rival func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests = append(w.requests, Request{method, path})
	if !w.cut && len(w.rivals) > 0 && isWrite(method) && strings.HasPrefix(path, w.commits) {
		rival, w.rivals = w.rivals[0], w.rivals[1:]
	}
	return w.cut, w.delay, rival
}

// loses reports whether the response is to be lost.
func (w *wire) loses(method, path string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !isWrite(method) {
		return false
	}
	if w.cutAfter != "" && w.is(w.cutAfter, path) {
		w.cut, w.cutAfter = true, ""
		return true
	}
	if w.lose == 0 || !slices.ContainsFunc(w.losing, func(kind Write) bool { return w.is(kind, path) }) {
		return false
	}
	w.lose--
	return true
}

// is reports whether a path is that of a kind of write.
func (w *wire) is(kind Write, path string) bool {
	base := strings.TrimSuffix(w.commits, string(Commit)+"/")
	return strings.HasPrefix(path, base+string(kind)+"/")
}

func isWrite(method string) bool { return method == http.MethodPut || method == http.MethodPost }

// wait delays a request. Its context ends the delay.
func wait(r *http.Request, delay time.Duration) error {
	if delay == 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.Context().Done():
		return r.Context().Err()
	}
}

// ServeHTTP serves programs that connect to the server's socket. A fault closes the connection.
func (w *wire) ServeHTTP(to http.ResponseWriter, r *http.Request) {
	response, err := w.RoundTrip(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer response.Body.Close()
	for name, values := range response.Header {
		to.Header()[name] = values
	}
	to.WriteHeader(response.StatusCode)
	_, _ = io.Copy(to, response.Body)
}
