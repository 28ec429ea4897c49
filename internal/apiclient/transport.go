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
	// idlePerHost limits the idle connections to the server. With net/http's default of
	// 2, concurrent readers would often have to connect again.
	idlePerHost = 64

	// maxHeader limits the header of a response. The default of net/http is 10 MB.
	maxHeader = 256 << 10
)

// baseTransport returns the transport that makes the connections, to a unix socket if the
// address names one. It copies an existing client's transport, which was made for the
// address before. A custom transport cannot be copied: it is used as it is and never
// closed.
func (s Settings) baseTransport(existing http.RoundTripper, before, address string) (base http.RoundTripper, closeIdle func(), err error) {
	if s.Existing != nil && s.TLS != nil {
		return nil, nil, vaulterr.Invalid("TLS settings cannot be combined with an existing client: configure TLS on that client")
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
		return nil, nil, vaulterr.Invalid("cannot change between a unix socket and another address: the existing client has a custom transport")
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

// cloneTransport returns an independent copy. If the original supports HTTP/2, the copy
// sets it up again.
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

// defaultTransport returns a copy of net/http's default, even if the program has replaced
// it.
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
