package vaulterr

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"syscall"

	"github.com/hashicorp/vault/api"
)

// failure is a request that got no whole answer. It says which class of failure this was
// and never what the transport said of it, which may show bytes of the answer: those can
// be a key, or the request itself.
type transportError struct {
	class string
	cause func() error // no format verb looks into a function
}

// Transport returns the failure of a request by its class. The cause stays reachable for
// errors.Is, and for errors.As where its type holds nothing of an answer.
func TransportError(err error) error {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*transportError](err); ok {
		// A transport of the user's has wrapped it.
		return &transportError{class: oneLine(causeText(err)), cause: known.cause}
	}
	return &transportError{class: classOf(err), cause: func() error { return err }}
}

func (f *transportError) Error() string { return Printable(f.class) }

// Format prints Error, whatever the verb.
func (f *transportError) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, f.Error()) }

// MarshalText is Error.
func (f *transportError) MarshalText() ([]byte, error) { return []byte(f.Error()), nil }

var _ encoding.TextMarshaler = (*transportError)(nil)

// Is lets the cause through.
func (f *transportError) Is(target error) bool { return errors.Is(f.cause(), target) }

// As lets a cause through unless it may hold bytes of an answer.
func (f *transportError) As(target any) bool {
	kind := reflect.TypeOf(target).Elem()
	if kind.Kind() == reflect.Interface || mayQuoteResponse(kind) {
		return false
	}
	return errors.As(f.cause(), target)
}

// Timeout makes it a net.Error, together with Temporary.
func (f *transportError) Timeout() bool {
	timeout, ok := errors.AsType[net.Error](f.cause())
	return ok && timeout.Timeout()
}

// Temporary is part of net.Error.
func (f *transportError) Temporary() bool { return f.Timeout() }

// opaque reports an error type whose text may show bytes of an answer.
func mayQuoteResponse(kind reflect.Type) bool {
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	for _, prefix := range []string{"net/http", "net/url", "net/textproto", "errors", "fmt", "encoding", "compress", "golang.org/x/net", "strconv"} {
		if kind.PkgPath() == prefix || strings.HasPrefix(kind.PkgPath(), prefix+"/") {
			return true
		}
	}
	return false
}

// classOf says what kind of failure a transport's error is, in words that do not come
// from outside.
func classOf(err error) string {
	if dial, ok := errors.AsType[*net.OpError](err); ok {
		switch dial.Op {
		case "proxyconnect":
			return "no connection through the proxy: " + classOf(dial.Err)
		case "dial":
			return classOfDial(dial)
		}
	}
	if class := classOfTLS(err); class != "" {
		return class
	}
	errno, isErrno := errors.AsType[syscall.Errno](err)
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded.Error()
	case isErrno:
		return errno.Error()
	case isNet && timeout.Timeout():
		return "timeout"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), textContains(err, "server closed idle connection"):
		return "the connection ended before the answer did"
	case textContains(err, "malformed HTTP"), textContains(err, "malformed MIME"):
		return "the answer is not HTTP"
	case textContains(err, "response headers exceeded"):
		return "the header of the answer is too long"
	}
	return "no usable answer"
}

func textContains(err error, text string) bool { return strings.Contains(err.Error(), text) }

func classOfDial(dial *net.OpError) string {
	name, isDNS := errors.AsType[*net.DNSError](dial.Err)
	errno, isErrno := errors.AsType[syscall.Errno](dial.Err)
	to := "no connection"
	if dial.Addr != nil {
		to += " to " + dial.Addr.String()
	}
	switch {
	case isDNS && name.IsNotFound:
		return fmt.Sprintf("no such host: %q", name.Name)
	case isDNS:
		return fmt.Sprintf("the name %q cannot be resolved", name.Name)
	case errors.Is(dial.Err, context.Canceled):
		return context.Canceled.Error()
	case isErrno:
		return to + ": " + errno.Error()
	case dial.Timeout():
		return to + ": timeout"
	}
	return to
}

// classOfTLS is empty for what has nothing to do with TLS.
func classOfTLS(err error) string {
	const bad = "the server's certificate is not valid: "
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	other, isOther := errors.AsType[x509.HostnameError](err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	alert, isAlert := errors.AsType[*net.OpError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case unknown:
		return bad + "it is signed by an unknown authority"
	case isOther:
		return bad + fmt.Sprintf("it is not for %q", other.Host)
	case isInvalid && invalid.Reason == x509.Expired:
		return bad + "it has expired, or is not valid yet"
	case verification:
		return "the server's certificate cannot be verified"
	case isAlert && alert.Op == "remote error":
		return "the server refuses the TLS connection: " + alertText(alert.Err)
	case record:
		return "the server does not speak TLS"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "the server does not speak HTTPS, the address says https://"
	}
	return ""
}

// alertText is crypto/tls's own word for a number that the server has sent.
func alertText(err error) string { return strings.TrimPrefix(err.Error(), "tls: ") }

// FromWire returns the error of a request without anything that only a server or a hop
// has said, unless it is a refusal in Vault's form. Errors of this package stay.
func Sanitize(err error) error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	if response, ok := errors.AsType[*api.ResponseError](err); ok {
		return withoutProxyBody(response)
	}
	if known, ok := errors.AsType[*transportError](err); ok {
		return known
	}
	if _, lost := errors.AsType[net.Error](err); lost {
		return TransportError(err)
	}
	return &unreadableResponse{&transportError{class: classOfResponse(err), cause: func() error { return err }}}
}

// unreadable is the failure of the official client to read an answer. That came over a
// sound connection, so that this is no net.Error.
type unreadableResponse struct{ reason *transportError }

func (u *unreadableResponse) Error() string                 { return u.reason.Error() }
func (u *unreadableResponse) Format(s fmt.State, verb rune) { u.reason.Format(s, verb) }
func (u *unreadableResponse) Is(target error) bool          { return u.reason.Is(target) }
func (u *unreadableResponse) As(target any) bool {
	if target, ok := target.(**transportError); ok {
		*target = u.reason
		return true
	}
	return u.reason.As(target)
}

func classOfResponse(err error) string {
	_, syntax := errors.AsType[*json.SyntaxError](err)
	if ended := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF); syntax && !ended {
		return "the answer is not JSON"
	}
	return classOf(err)
}
