package verify

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"syscall"
)

// newTransport returns a transport for one request. It keeps no connection open, because keys are
// tried rarely, and speaks HTTP/1 only: Go can be told by GODEBUG to log the headers of HTTP/2.
func newTransport(plainText bool) http.RoundTripper {
	transport := &http.Transport{
		DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10, Protocols: new(http.Protocols),
	}
	transport.Protocols.SetHTTP1(true)
	if plainText {
		transport.DialContext = (&net.Dialer{Control: onlyLoopback}).DialContext
	} else {
		transport.Proxy = http.ProxyFromEnvironment
	}
	return transport
}

var errNotLoopback = errors.New("not an address of this machine")

// onlyLoopback refuses to connect to other machines. The name localhost is looked up like any
// other: who controls the answer could get the key in plain text.
func onlyLoopback(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil || !net.ParseIP(host).IsLoopback() {
		return errNotLoopback
	}
	return nil
}

// failed returns the outcome of a request without a complete response. The text of err is not
// shown: it may contain what the server sent, or a password of the proxy.
func (a *attempts) failed(err error) outcome { return a.temporary(reason(err)) }

func reason(err error) string {
	timeout, _ := errors.AsType[net.Error](err)
	operation, _ := errors.AsType[*net.OpError](err)
	_, unresolved := errors.AsType[*net.DNSError](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case errors.Is(err, errNotLoopback):
		return "the name is that of another machine, and the URL begins with http://"
	case untrusted:
		return "its TLS certificate is not trusted"
	case timeout != nil && timeout.Timeout():
		return "no complete response in time"
	case unresolved:
		return "the name of the host or of the proxy has no address"
	case errors.Is(err, syscall.ECONNREFUSED) && operation != nil && operation.Op == "proxyconnect":
		return "connection to the proxy refused"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	}
	return "no complete response"
}
