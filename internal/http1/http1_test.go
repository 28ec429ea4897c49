package http1_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"goblin/vaultkit/internal/http1"
)

const canary = "sk-canary-0123456789"

// stderr collects what Go's standard logger prints. It belongs to the process, so no test
// here runs in parallel.
func stderr(t *testing.T) *logged {
	t.Helper()
	var said logged
	log.SetOutput(&said)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	return &said
}

type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// server answers each request with the same bytes and counts its connections.
type server struct {
	net.Listener
	conns atomic.Int64
	done  sync.WaitGroup
}

func serve(t *testing.T, secure *tls.Config, response string) *server {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if secure != nil {
		listener = tls.NewListener(listener, secure)
	}
	s := &server{Listener: listener}
	s.done.Go(func() { s.accept(response) })
	t.Cleanup(func() { _ = s.Close(); s.done.Wait() })
	return s
}

func (s *server) accept(response string) {
	for {
		conn, err := s.Accept()
		if err != nil {
			return
		}
		s.conns.Add(1)
		s.done.Go(func() {
			defer conn.Close()
			in := bufio.NewReader(conn)
			for {
				r, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				if _, err := io.WriteString(conn, response); err != nil {
					return
				}
			}
		})
	}
}

// paths returns the ways to a server, by whether it uses TLS.
func paths(t *testing.T, response string) map[string]func() (to string, s *server, transport *http.Transport) {
	t.Helper()
	proxy := httptest.NewServer(http.HandlerFunc(connect))
	t.Cleanup(proxy.Close)
	through, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	source := httptest.NewUnstartedServer(nil)
	source.StartTLS()
	source.Close()
	secure := &tls.Config{Certificates: source.TLS.Certificates, MinVersion: tls.VersionTLS12}
	trusting := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the test's own server
	return map[string]func() (string, *server, *http.Transport){
		"plain": func() (string, *server, *http.Transport) {
			s := serve(t, nil, response)
			return "http://" + s.Addr().String(), s, &http.Transport{}
		},
		"TLS": func() (string, *server, *http.Transport) {
			s := serve(t, secure, response)
			return "https://" + s.Addr().String(), s, &http.Transport{TLSClientConfig: trusting.Clone()}
		},
		"SOCKS": func() (string, *server, *http.Transport) {
			s := serve(t, nil, response)
			return "http://" + s.Addr().String(), s, &http.Transport{Proxy: http.ProxyURL(socks(t))}
		},
		"TLS through a proxy": func() (string, *server, *http.Transport) {
			s := serve(t, secure, response)
			return "https://" + s.Addr().String(), s, &http.Transport{TLSClientConfig: trusting.Clone(), Proxy: http.ProxyURL(through)}
		},
	}
}

// connect starts an HTTP proxy for TLS.
func connect(w http.ResponseWriter, r *http.Request) {
	there, err := new(net.Dialer).DialContext(context.WithoutCancel(r.Context()), "tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	_, _ = io.WriteString(here, "HTTP/1.1 200 Connected\r\n\r\n")
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(there, here); _ = there.Close() })
	both.Go(func() { _, _ = io.Copy(here, there); _ = here.Close() })
	both.Wait()
}

// socks starts a SOCKS 5 proxy.
func socks(t *testing.T) *url.URL {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); done.Wait() })
	done.Go(func() {
		for {
			here, err := listener.Accept()
			if err != nil {
				return
			}
			done.Go(func() { relay(here) })
		}
	})
	return &url.URL{Scheme: "socks5", Host: listener.Addr().String()}
}

// relay connects a SOCKS client without a login to an IPv4 address.
func relay(here net.Conn) {
	defer here.Close()
	hello, request := make([]byte, 3), make([]byte, 10)
	if _, err := io.ReadFull(here, hello); err != nil {
		return
	}
	_, _ = here.Write([]byte{5, 0})
	if _, err := io.ReadFull(here, request); err != nil {
		return
	}
	address := &net.TCPAddr{IP: request[4:8], Port: int(request[8])<<8 | int(request[9])}
	there, err := new(net.Dialer).Dial("tcp", address.String()) //nolint:noctx // it ends with the client
	if err != nil {
		return
	}
	defer there.Close()
	_, _ = here.Write([]byte{5, 0, 0, 1, 127, 0, 0, 1, 0, 0})
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(there, here); _ = there.Close() })
	both.Go(func() { _, _ = io.Copy(here, there); _ = here.Close() })
	both.Wait()
}

// TestTransport_DropsSurplusBytes checks that bytes beyond a response are not printed and
// do not answer another request.
func TestTransport_DropsSurplusBytes(t *testing.T) {
	const body = `{"api_key":"` + canary + `"}`
	for name, response := range map[string]string{
		"Content-Length too small":     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + body,
		"Content-Length of nothing":    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + body,
		"no content with a body":       "HTTP/1.1 204 No Content\r\n\r\n" + body,
		"two answers":                  strings.Repeat("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: "+canary+"\r\n\r\nok", 2),
		"after the last chunk":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + body,
		"a header of blanks":           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n \r\nok" + body + "\r\n\r\n",
		"bare line feeds":              "HTTP/1.1 200 OK\nContent-Length: 2\n\nok" + body,
		"the length twice":             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok" + body,
		"a length and chunks":          "HTTP/1.1 200 OK\r\nContent-Length: 999\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + body,
		"a field that goes on":         "HTTP/1.1 200 OK\r\nX: y\r\n Content-Length: 999\r\nContent-Length: 2\r\n\r\nok" + body,
		"HTTP/1.0 kept alive":          "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok" + body,
		"an interim response":          "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + body,
		"trailers":                     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n" + body,
		"a blank line before anything": "\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + body,
		"a chunk size with more":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 ;x=y\r\nok\r\n0;z\r\n\r\n" + body,
	} {
		for path, way := range paths(t, response) {
			said := stderr(t)
			to, _, inner := way()
			client := &http.Client{Transport: http1.Transport(inner), Timeout: 10 * time.Second}
			for range 3 {
				for _, method := range []string{http.MethodGet, http.MethodPut} {
					got := ask(t, client, method, to)
					if strings.Contains(got, canary) {
						t.Errorf("%s, %s: %s = %q, want at most the response", name, path, method, got)
					}
				}
			}
			inner.CloseIdleConnections()
			if text := said.String(); text != "" {
				t.Errorf("%s, %s: the standard logger printed %q, want nothing", name, path, text)
			}
		}
	}
}

func ask(t *testing.T, client *http.Client, method, to string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, to, strings.NewReader(strings.Repeat("x", 5000)))
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(r)
	if err != nil {
		return "" // refused, which is fine: the text is not printed by us
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return string(text)
}

// TestTransport_DropsUnsolicitedResponses sends a response while the connection is idle.
func TestTransport_DropsUnsolicitedResponses(t *testing.T) {
	said := stderr(t)
	whole, hungUp := make(chan struct{}), make(chan struct{})
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); done.Wait() })
	done.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				<-whole // the client has it all
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: "+canary+"\r\n\r\nno")
				_, _ = io.Copy(io.Discard, conn)
				hungUp <- struct{}{}
			}
			_ = conn.Close()
		}
	})
	inner := &http.Transport{}
	client := &http.Client{Transport: http1.Transport(inner), Timeout: 10 * time.Second}
	defer inner.CloseIdleConnections()
	for range 3 {
		if got := ask(t, client, http.MethodGet, "http://"+listener.Addr().String()); got != "ok" {
			t.Errorf("GET = %q, want ok", got)
		}
		whole <- struct{}{}
		<-hungUp
	}
	if text := said.String(); text != "" {
		t.Errorf("the standard logger printed %q, want nothing", text)
	}
}

// TestTransport_ReusesConnections checks that valid responses keep the connection open.
func TestTransport_ReusesConnections(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	for name, response := range map[string]string{
		"a length":        "HTTP/1.1 200 OK\r\ncontent-length: 10000\r\nX-A: b\r\n\r\n" + long,
		"chunks":          "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2710;a=b\r\n" + long + "\r\n0\r\n\r\n",
		"interim answers": strings.Repeat("HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n", 3) + "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" + long,
	} {
		for path, way := range paths(t, response) {
			to, s, inner := way()
			client := &http.Client{Transport: http1.Transport(inner), Timeout: 10 * time.Second}
			for range 4 {
				if got := ask(t, client, http.MethodPut, to); got != long {
					t.Errorf("%s, %s: PUT = %d bytes, want %d", name, path, len(got), len(long))
				}
			}
			inner.CloseIdleConnections()
			want := map[bool]int64{false: 1, true: 4}[strings.Contains(path, "proxy")]
			if got := s.conns.Load(); got != want {
				t.Errorf("%s, %s: %d connections for 4 requests, want %d", name, path, got, want)
			}
		}
	}
}

// TestTransport_ReusesConnectionsWithoutBodies includes HEAD, whose response has the
// Content-Length of a GET's.
func TestTransport_ReusesConnectionsWithoutBodies(t *testing.T) {
	var conns atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "7")
		if r.Method == http.MethodDelete {
			w.Header().Del("Content-Length")
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	inner := &http.Transport{}
	defer inner.CloseIdleConnections()
	client := &http.Client{Transport: http1.Transport(inner), Timeout: 10 * time.Second}
	for _, method := range []string{http.MethodHead, http.MethodDelete, http.MethodHead, http.MethodDelete} {
		ask(t, client, method, s.URL)
	}
	if got := conns.Load(); got != 1 {
		t.Errorf("%d connections for HEAD and DELETE, want 1", got)
	}
}

// TestTransport_KeepsHTTP2 checks that HTTP/2 is used and its connection reused, through a
// proxy too.
func TestTransport_KeepsHTTP2(t *testing.T) {
	for path, way := range paths(t, "") {
		if !strings.HasPrefix(path, "TLS") {
			continue
		}
		var conns atomic.Int64
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
		s.EnableHTTP2 = true
		s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				conns.Add(1)
			}
		}
		s.StartTLS()
		_, _, inner := way()
		inner.ForceAttemptHTTP2 = true
		client := &http.Client{Transport: http1.Transport(inner), Timeout: 10 * time.Second}
		for range 4 {
			if got := ask(t, client, http.MethodPut, s.URL); got != "HTTP/2.0" {
				t.Errorf("%s: PUT says %q, want HTTP/2.0", path, got)
			}
		}
		if got := conns.Load(); got > 2 {
			t.Errorf("%s: %d connections for 4 requests, want 1, or 2 through a proxy", path, got)
		}
		inner.CloseIdleConnections()
		s.Close()
	}
}
