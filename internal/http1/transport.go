package http1

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// Transport sends requests over the connections of t, each wrapped in a connection of this package.
// It changes t, which must be unused.
//
// It cannot wrap a TLS connection through a proxy. Such a connection is used for one
// request, unless it is HTTP/2, which has no unsolicited responses.
func Transport(t *http.Transport) http.RoundTripper {
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	dial := dialer(t)
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		inner, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return newConn(inner), nil
	}
	t.DialTLSContext = wrapTLS(t, tlsDialer(t, dial))
	t.Dial, t.DialTLS = nil, nil //nolint:staticcheck // an existing transport may have them
	return &transport{Transport: t}
}

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

func dialer(t *http.Transport) dialFunc {
	switch old := t.Dial; { //nolint:staticcheck // an existing transport may have it
	case t.DialContext != nil:
		return t.DialContext
	case old != nil:
		return func(_ context.Context, network, address string) (net.Conn, error) { return old(network, address) }
	}
	return new(net.Dialer).DialContext
}

// tlsDialer returns the function that connects to an HTTPS server, without the handshake.
func tlsDialer(t *http.Transport, dial dialFunc) dialFunc {
	switch old := t.DialTLS; { //nolint:staticcheck // an existing transport may have it
	case t.DialTLSContext != nil:
		return t.DialTLSContext
	case old != nil:
		return func(_ context.Context, network, address string) (net.Conn, error) { return old(network, address) }
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		plain, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		config := t.TLSClientConfig.Clone()
		if config.ServerName == "" {
			config.ServerName, _, _ = net.SplitHostPort(address) // valid, because the HTTP client made it
		}
		return tls.Client(plain, config), nil
	}
}

// secureConn is a wrapped connection inside TLS.
type secureConn struct {
	*conn
	state tls.ConnectionState
}

// wrapTLS makes the handshake and wraps the connection unless it is HTTP/2.
func wrapTLS(t *http.Transport, dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		inner, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		secure, ok := inner.(*tls.Conn)
		if !ok {
			return newConn(inner), nil
		}
		if err := handshake(ctx, secure, cmp.Or(t.TLSHandshakeTimeout, defaultHandshake)); err != nil {
			_ = inner.Close()
			return nil, err
		}
		state := secure.ConnectionState()
		if state.NegotiatedProtocol == "h2" {
			return secure, nil
		}
		return &secureConn{newConn(secure), state}, nil
	}
}

const defaultHandshake = 10 * time.Second

// errSlowHandshake has the text of the HTTP client's own error.
var errSlowHandshake = errors.New("TLS handshake timeout")

func handshake(ctx context.Context, secure *tls.Conn, timeout time.Duration) error {
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.TLSHandshakeStart != nil {
		trace.TLSHandshakeStart()
	}
	bounded, cancel := context.WithTimeoutCause(ctx, timeout, errSlowHandshake)
	defer cancel()
	err := secure.HandshakeContext(bounded)
	if trace != nil && trace.TLSHandshakeDone != nil {
		trace.TLSHandshakeDone(secure.ConnectionState(), err)
	}
	return err
}

// transport sends requests over wrapped connections.
type transport struct {
	*http.Transport
	http2 atomic.Bool // the last response through a proxy was HTTP/2
}

// RoundTrip sends the request on.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return t.Transport.RoundTrip(r)
	}
	var state *tls.ConnectionState
	sent := r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if own, ok := info.Conn.(*secureConn); ok {
			state = &own.state
		}
	}}))
	proxied := t.usesTLSProxy(r)
	sent.Close = r.Close || proxied && !t.http2.Load()
	response, err := t.Transport.RoundTrip(sent)
	if err != nil {
		return nil, err
	}
	response.Request = r
	if response.TLS == nil {
		response.TLS = state
	}
	if proxied {
		t.http2.Store(response.ProtoMajor == 2)
	}
	if proxied && response.ProtoMajor != 2 && !sent.Close {
		_ = response.Body.Close() // ends the connection
		return nil, errors.New("the proxy leads to HTTP/2 on one connection and to HTTP/1 on another")
	}
	return response, nil
}

// usesTLSProxy reports whether TLS goes through a proxy, or may do so.
func (t *transport) usesTLSProxy(r *http.Request) bool {
	if t.Proxy == nil {
		return false
	}
	through, err := t.Proxy(r)
	return err != nil || through != nil
}
