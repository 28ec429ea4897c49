// Package verify tells whether an API key works, with requests that cost nothing.
//
// A [Verifier] tries a key. Pass one to vaultkit.WithVerify, so that a rotation tries the new key
// before anything is written:
//
//	rotation, err := client.Rotate(ctx, "openai-gpt4", vaultkit.NewKey(key),
//		vaultkit.WithVerify(verify.OpenAI()))
//
// There are three outcomes. The key works: the error is nil. The key does not work:
// [ErrRejected]. Or nobody can tell: [ErrUnknown], for instance because of a rate limit, a key
// with restricted rights, or no network. A rotation stops at both errors. [AllowUnknown] lets it
// continue when the outcome is unknown.
//
// A key works if the provider accepts it. Whether the account has credit is another question.
//
// [OpenAI], [Anthropic] and [OpenRouter] are verifiers for these providers, [Compatible] is for
// every server with OpenAI's API, [For] finds a verifier by its name, and [Endpoint] describes any
// other request.
//
// # Requests
//
// The key is sent in one header, to the host of the URL alone. No redirect is followed. A URL must
// begin with https://, except for localhost and the loopback addresses of this machine: a
// connection for an http:// URL goes to a loopback address, even if the name localhost has another
// one. Requests over TLS use the proxy in HTTPS_PROXY, which sees the host but not the key;
// requests without TLS use no proxy. The certificates of the system are trusted, with SSL_CERT_FILE
// and SSL_CERT_DIR as in every Go program.
//
// A success counts only if the API refuses the same request without a key. So a key is sent in
// one request, and if that succeeds, another request is sent without it.
//
// No error contains the key, or anything that the server sent except its status.
package verify

import (
	"context"
	"errors"
	"net/http"
	"time"

	"goblin/vaultkit"
)

// The outcomes of a verification, for errors.Is.
var (
	// ErrRejected means that the provider rejects the key.
	ErrRejected = errors.New("the provider rejects the key")
	// ErrUnknown means that it is unknown whether the key works.
	ErrUnknown = errors.New("cannot tell whether the key works")
)

// Verifier tries the key in a provider's secret. It is a function for vaultkit.WithVerify, and
// can be called by itself; it does not use target.
//
// Errors: [ErrRejected] and [ErrUnknown]; vaultkit.ErrInvalid if the verifier can never work, the
// secret has no such field, or the key cannot be sent in a header. An ErrUnknown also wraps the
// error of ctx, if ctx has ended. A Verifier is safe for concurrent use.
type Verifier func(ctx context.Context, target vaultkit.Target, keys vaultkit.ProviderKeys) error

// Option configures a [Verifier].
type Option func(*options)

type options struct {
	field        string
	wait         time.Duration
	allowUnknown func(error)

	// Tests have their own.
	attemptTimeout time.Duration
	transport      func(plainText bool) http.RoundTripper
}

func newOptions(opts []Option) *options {
	o := &options{field: "api_key", wait: defaultWait, attemptTimeout: attemptTimeout, transport: newTransport}
	for _, opt := range opts {
		opt(o)
	}
	return o
}

// defaultWait is how long a new key may be rejected before that counts. Providers copy a new key
// to all of their servers within seconds.
const defaultWait = 10 * time.Second

// Field names the field of the secret that holds the key. Default "api_key".
func Field(name string) Option { return func(o *options) { o.field = name } }

// Wait sets for how long a rejected key is tried again, because a provider may need some seconds
// until it accepts a key that was just made. A rate limit, an error of the server and a missing
// response are retried for that time, too. The last request may take 10 s more. 0: the first
// outcome counts, as it should for a key that is in force already. Default 10 s.
func Wait(d time.Duration) Option { return func(o *options) { o.wait = d } }

// AllowUnknown turns an unknown outcome into a success. report, if not nil, is called with the
// [ErrUnknown]. A rejected key is still an error, and so is a ctx that has ended. Default: an
// unknown outcome is an error.
func AllowUnknown(report func(error)) Option {
	return func(o *options) {
		o.allowUnknown = report
		if report == nil {
			o.allowUnknown = func(error) {}
		}
	}
}
