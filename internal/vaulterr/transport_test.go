package vaulterr_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"goblin/vaultkit/internal/vaulterr"
)

// TestTransportError_ShowsOnlyTheClass: the text of the cause may contain what a server or proxy sent.
func TestTransportError_ShowsOnlyTheClass(t *testing.T) {
	const canary = "sk-canary"
	reset := &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	for want, err := range map[string]error{
		"the response is not HTTP":                                                          fmt.Errorf("net/http: HTTP/1.x transport connection broken: %w", fmt.Errorf("malformed HTTP response %q", canary)),
		"no valid response":                                                                 textproto.ProtocolError("odd line: " + canary),
		"connection reset by peer":                                                          reset,
		"context canceled":                                                                  context.Canceled,
		"context deadline exceeded":                                                         context.DeadlineExceeded,
		"the connection closed before the response was complete":                            io.ErrUnexpectedEOF,
		"no connection to 127.0.0.1:1: connection refused":                                  &net.OpError{Op: "dial", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, Err: syscall.ECONNREFUSED},
		"no such host: \"vault.invalid\"":                                                   &net.OpError{Op: "dial", Err: &net.DNSError{Err: canary, Name: "vault.invalid", IsNotFound: true}},
		"no connection through the proxy: no valid response":                                &net.OpError{Op: "proxyconnect", Err: errors.New(canary)},
		"the server's certificate is not valid: it is signed by an unknown authority":       &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
		"the server's certificate is not valid: it is for another host than \"vault.test\"": &tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{canary}}, Host: "vault.test"}},
		"the server refuses the TLS connection: bad certificate":                            &net.OpError{Op: "remote error", Err: tls.AlertError(42)},
		"the server does not speak HTTPS, but the address says https://":                    http.ErrSchemeMismatch,
	} {
		for name, raw := range map[string]error{"as it is": err, "in a url.Error": &url.Error{Op: "Put", URL: "http://vault.test/v1/x", Err: err}} {
			failed := vaulterr.TransportError(raw)
			told := vaulterr.WithOp("Rotate", "p", &url.Error{Op: "Put", URL: "http://vault.test/v1/x", Err: failed})
			if got := failed.Error(); got != want || !strings.Contains(told.Error(), want) {
				t.Errorf("%s: TransportError(%v) = %q, as an Error %q, want %q", name, err, got, told, want)
			}
			for layer := told; layer != nil; layer = errors.Unwrap(layer) {
				if text := fmt.Sprintf("%v %+v %#v %q %x", layer, layer, layer, layer, layer); strings.Contains(text, canary) {
					t.Errorf("%s: TransportError(%v) prints %s, want no secret", name, err, text)
				}
			}
			if !errors.Is(failed, err) {
				t.Errorf("%s: errors.Is(TransportError(%v), cause) = false, want true", name, err)
			}
		}
	}
	if vaulterr.TransportError(nil) != nil || vaulterr.Sanitize(nil) != nil {
		t.Error("TransportError(nil) or Sanitize(nil) is an error, want nil")
	}
}

// TestTransportError_KeepsTheCause: errors.As finds it unless its text may contain a response.
func TestTransportError_KeepsTheCause(t *testing.T) {
	dial := vaulterr.TransportError(&url.Error{Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}})
	if found, ok := errors.AsType[*net.OpError](dial); !ok || found.Op != "dial" || !errors.Is(dial, syscall.ECONNREFUSED) {
		t.Errorf("AsType[*net.OpError](%v) = %v, %t, want the dial", dial, found, ok)
	}
	untrusted := vaulterr.TransportError(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}})
	if _, ok := errors.AsType[x509.UnknownAuthorityError](untrusted); !ok || !vaulterr.TLSMismatch(untrusted) || vaulterr.Retryable(untrusted) {
		t.Errorf("AsType or TLSMismatch of %v = false, or Retryable = true, want an unknown authority that ends the retries", untrusted)
	}
	odd := vaulterr.TransportError(&url.Error{Err: textproto.ProtocolError("sk-canary")})
	if _, ok := errors.AsType[textproto.ProtocolError](odd); ok {
		t.Errorf("AsType[textproto.ProtocolError](%v) = true, want none", odd)
	}
	if found, ok := errors.AsType[*url.Error](odd); ok {
		t.Errorf("AsType[*url.Error](%v) = %v, want none", odd, found)
	}
	late := vaulterr.TransportError(&net.OpError{Op: "read", Err: context.DeadlineExceeded})
	if timeout, ok := errors.AsType[net.Error](late); !ok || !timeout.Timeout() {
		t.Errorf("AsType[net.Error](%v) finds no timeout, want one", late)
	}
	if mine := vaulterr.TransportError(fmt.Errorf("my transport: %w", dial)); mine.Error() != "my transport: no connection: connection refused" || !errors.Is(mine, syscall.ECONNREFUSED) {
		t.Errorf("TransportError of a wrapped one = %v, want the wrapper's text and the class", mine)
	}
}

// TestSanitize_UnreadableResponseIsNoNetError: the connection worked.
func TestSanitize_UnreadableResponseIsNoNetError(t *testing.T) {
	_, err := json.Marshal(json.RawMessage("<html>"))
	page := vaulterr.Sanitize(fmt.Errorf("sk-canary: %w", err))
	if _, lost := errors.AsType[net.Error](page); lost || page.Error() != "the response is not JSON" {
		t.Errorf("Sanitize of a JSON error = %v, net.Error %t, want another text and false", page, lost)
	}
	late := vaulterr.Sanitize(&url.Error{Op: "Get", URL: "http://vault.test", Err: context.DeadlineExceeded})
	if timeout, lost := errors.AsType[net.Error](late); !lost || !timeout.Timeout() || late.Error() != "context deadline exceeded" {
		t.Errorf("Sanitize of a timeout = %v, net.Error %t, want a timeout", late, lost)
	}
}
