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

	"goblin/vaultkit/internal/errtext"
)

// transportError is the error of a request without a complete response. It holds the class of
// the error and not its text: that may contain bytes of the response, which can be a key or the
// request itself.
type transportError struct {
	class string
	cause func() error // a function, because %v and %#v do not print its result
}

// TransportError returns the error of a request, with the class of err as its text. The cause
// stays reachable for errors.Is. errors.As finds it unless its type may contain bytes of the
// response.
func TransportError(err error) error {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*transportError](err); ok {
		// The user's transport has wrapped it.
		return &transportError{class: errtext.OneLine(errtext.Cause(err)), cause: known.cause}
	}
	return &transportError{class: classOf(err), cause: func() error { return err }}
}

func (f *transportError) Error() string { return errtext.Printable(f.class) }

// Reason returns the class.
func (f *transportError) Reason() string { return f.class }

// Format prints the text of Error for every verb.
func (f *transportError) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, f.Error()) }

// MarshalText returns the text of Error.
func (f *transportError) MarshalText() ([]byte, error) { return []byte(f.Error()), nil }

var _ encoding.TextMarshaler = (*transportError)(nil)

// Is matches the cause.
func (f *transportError) Is(target error) bool { return errors.Is(f.cause(), target) }

// As finds a cause unless it may contain bytes of a response.
func (f *transportError) As(target any) bool {
	kind := reflect.TypeOf(target).Elem()
	if kind.Kind() == reflect.Interface || mayQuoteResponse(kind) {
		return false
	}
	return errors.As(f.cause(), target)
}

// Timeout and Temporary implement net.Error.
func (f *transportError) Timeout() bool {
	timeout, ok := errors.AsType[net.Error](f.cause())
	return ok && timeout.Timeout()
}

// Temporary implements net.Error.
func (f *transportError) Temporary() bool { return f.Timeout() }

// mayQuoteResponse reports whether errors of this type may contain bytes of a response.
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

// classOf returns the class of a transport error. It contains no text from outside.
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
		return "the connection closed before the response was complete"
	case textContains(err, "malformed HTTP"), textContains(err, "malformed MIME"):
		return "the response is not HTTP"
	case textContains(err, "response headers exceeded"):
		return "the header of the response is too long"
	}
	return "no valid response"
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

// classOfTLS returns the class of a TLS error, or "" for another error.
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
		return bad + fmt.Sprintf("it is for another host than %q", other.Host)
	case isInvalid && invalid.Reason == x509.Expired:
		return bad + "it has expired or is not valid yet"
	case verification:
		return "the server's certificate cannot be verified"
	case isAlert && alert.Op == "remote error":
		return "the server refuses the TLS connection: " + alertText(alert.Err)
	case record:
		return "the server does not speak TLS"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "the server does not speak HTTPS, but the address says https://"
	}
	return ""
}

// alertText returns crypto/tls's text for the alert number that the server sent.
func alertText(err error) string { return strings.TrimPrefix(err.Error(), "tls: ") }

// Sanitize removes from the error of a request everything that a server or proxy sent, unless
// it is an error response in Vault's format. It keeps errors of this package.
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

// unreadableResponse is the official client's error for a response that it cannot decode. The
// connection worked, so this is not a net.Error.
type unreadableResponse struct{ reason *transportError }

func (u *unreadableResponse) Error() string                 { return u.reason.Error() }
func (u *unreadableResponse) Reason() string                { return u.reason.Reason() }
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
		return "the response is not JSON"
	}
	return classOf(err)
}
