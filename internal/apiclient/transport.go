package apiclient

import (
	"context"
	"net"
	"net/http"
	"slices"
	"time"

	"goblin/vaultkit/internal/http1"
	"goblin/vaultkit/internal/vaulterr"
)

const (
	// idlePerHost is how many idle connections are kept to the one server there is:
	// with net/http's 2, concurrent readers would dial anew all the time.
	idlePerHost = 64

	// maxHeader bounds the header of an answer; net/http's own bound is 10 MB.
	maxHeader = 256 << 10
)

// base is what makes the connections: to the socket that the address names, if it does.
// An existing client's transport, made for the address before, is copied. One that is not
// net/http's own cannot be: it is used as it is, and is nobody's to close.
func (s Settings) baseTransport(existing http.RoundTripper, before, address string) (base http.RoundTripper, closeIdle func(), err error) {
	if s.Existing != nil && s.TLS != nil {
		return nil, nil, vaulterr.Invalid("TLS settings do not go with an existing client, which has its own")
	}
	transport, ok := existing.(*http.Transport)
	switch {
	case s.Existing == nil:
		if transport, err = s.newTransport(); err != nil {
			return nil, nil, err
		}
	case ok:
		transport = cloneTransport(transport)
	case socketPath(before) != socketPath(address):
		return nil, nil, vaulterr.Invalid("the existing client's transport is not net/http's: it cannot connect to, or away from, a unix socket")
	default:
		return existing, func() {}, nil
	}
	if socket := socketPath(address); socket != "" {
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}
	} else if socketPath(before) != "" && before != address {
		transport.DialContext = newDialer().DialContext
	}
	return http1.Transport(transport), transport.CloseIdleConnections, nil
}

// copyOf is an independent copy, which sets HTTP/2 up anew if the original speaks it.
func cloneTransport(transport *http.Transport) *http.Transport {
	copied := transport.Clone()
	if copied.TLSClientConfig != nil && slices.Contains(copied.TLSClientConfig.NextProtos, "h2") {
		copied.ForceAttemptHTTP2 = true
		copied.TLSNextProto = nil
	}
	return copied
}

func (s Settings) newTransport() (*http.Transport, error) {
	var settings TLS
	if s.TLS != nil {
		settings = *s.TLS
	}
	config, err := settings.config()
	if err != nil {
		return nil, err
	}
	transport := defaultTransport()
	transport.MaxIdleConnsPerHost = idlePerHost
	transport.MaxResponseHeaderBytes = maxHeader
	transport.TLSClientConfig = config
	return transport, nil
}

// defaultTransport is what net/http uses, even where somebody has replaced that.
func defaultTransport() *http.Transport {
	if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		return standard.Clone()
	}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: newDialer().DialContext, ForceAttemptHTTP2: true,
		IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
	}
}

func newDialer() *net.Dialer {
	return &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
}
