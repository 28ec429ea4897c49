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

	"goblin/vaultkit/internal/memvault"
)

// wire stands between the clients and the server. It records the requests and causes faults.
type wire struct {
	vault *memvault.Server
	base  string // the path of everything that vaultkit stores

	mu       sync.Mutex
	requests []Request
	cut      bool
	cutAfter Write // cut off after a write of this kind
	sealed   bool
	delay    time.Duration
	lose     int
	losing   []Write
	rivals   []rival

	seal sync.RWMutex // held to write while the server is sealed for a client's request
}

// rival is another program's write before a client's write to a path.
type rival struct {
	path  string
	write func()
}

// Request is a request that a client sent.
type Request struct {
	Method string
	Path   string // without the leading /v1/
}

// RoundTrip sends a request, or causes the fault that a test asked for.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	cut, sealed, delay, rival := w.arrive(r.Method, path)
	if cut {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	if err := wait(r, delay); err != nil {
		return nil, err
	}
	if sealed {
		return w.sendSealed(r)
	}
	if rival != nil {
		rival()
	}
	response, err := w.send(r)
	if err == nil && response.StatusCode < 300 && w.loses(r.Method, path) {
		_ = response.Body.Close()
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	return response, err
}

// send sends a request to the server, past all faults.
func (w *wire) send(r *http.Request) (*http.Response, error) {
	w.seal.RLock()
	defer w.seal.RUnlock()
	return w.vault.Transport().RoundTrip(r)
}

// sendSealed sends a request to the sealed server. The requests of the test itself wait
// until it is unsealed again.
func (w *wire) sendSealed(r *http.Request) (*http.Response, error) {
	w.seal.Lock()
	defer w.seal.Unlock()
	w.vault.Seal()
	defer w.vault.Unseal()
	return w.vault.Transport().RoundTrip(r)
}

// pastFaults returns a transport for the requests of the test itself.
func (s *Server) pastFaults() http.RoundTripper { return roundTrip(s.wire.send) }

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// arrive records a request and returns the faults before it is served.
func (w *wire) arrive(method, path string) (cut, sealed bool, delay time.Duration, write func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests = append(w.requests, Request{method, path})
	at := slices.IndexFunc(w.rivals, func(r rival) bool { return r.path == path })
	if at >= 0 && !w.cut && !w.sealed && isWrite(method) {
		write = w.rivals[at].write
		w.rivals = slices.Delete(w.rivals, at, at+1)
	}
	return w.cut, w.sealed, w.delay, write
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
	return strings.HasPrefix(path, w.base+string(kind)+"/")
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
