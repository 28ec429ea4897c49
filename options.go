package vaultkit

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/apiclient"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/rotation"
	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/settings"
	"goblin/vaultkit/internal/vaulterr"
)

// Option configures New. Later options win over earlier ones. Nothing is read
// from the environment except by FromEnvironment, Env and CLIToken; only the
// proxy variables of net/http (HTTPS_PROXY and so on) always apply.
type Option func(*settings.Settings)

// WithAddress is the server's URL, "https://vault.example.com:8200". Required,
// here or by FromEnvironment or WithAPIClient. It must not carry credentials.
func WithAddress(url string) Option { return func(s *settings.Settings) { s.Address = url } }

// WithNamespace selects a namespace of Vault Enterprise or HCP. A community
// server ignores it silently. Default: none.
func WithNamespace(namespace string) Option {
	return func(s *settings.Settings) { s.Namespace = namespace }
}

// WithMount is the path of the KV version 2 mount. Default "secret".
func WithMount(path string) Option { return func(s *settings.Settings) { s.Mount = path } }

// WithBasePath is the path below the mount under which providers/, backups/ and
// rotations/ stand. Default "goblin-assistant".
func WithBasePath(path string) Option { return func(s *settings.Settings) { s.Base = path } }

// WithTLS configures TLS for an https address. Default: the system's CAs.
func WithTLS(tls TLS) Option { return func(s *settings.Settings) { s.TLS = new(apiclient.TLS(tls)) } }

// TLS says whom to trust and how to identify oneself. Files are PEM; zero fields
// keep the default.
type TLS struct {
	CAFile     string // trust the CAs in this file
	CAPEM      string // else trust the CAs in this text, PEM itself
	CADir      string // else trust the CAs in the files of this directory, and in those its links lead to
	CertFile   string // the client's certificate
	KeyFile    string // its key
	ServerName string // expect this name in the server's certificate
	// SkipVerify accepts any certificate: whoever is in between can read every
	// secret. For experiments only.
	SkipVerify bool
}

// WithRedirects lets the client follow a redirect to these hosts, with the token and the
// secret: "vault-1.example.com", "vault-1.example.com:8200" or "*.vault.example.com". A
// cluster whose standbys do not forward requests needs it if its nodes announce (api_addr)
// other hosts than the one in the address. Default: only to the same host and port, and
// never from https to http.
func WithRedirects(hosts ...string) Option { return func(s *settings.Settings) { s.Redirects = hosts } }

// WithTimeouts bounds how long things take. Zero fields keep their default.
func WithTimeouts(t Timeouts) Option {
	return func(s *settings.Settings) { s.Timeouts = settings.Timeouts(t) }
}

// Timeouts are upper bounds; an earlier deadline of the caller's context wins.
type Timeouts struct {
	Request time.Duration // one request, answer included; default 10 s
	Start   time.Duration // New as a whole, repeats for an unreachable server included; default 5 s, with WithProviders as long as ctx
	Read    time.Duration // a reading call, its repeats included; default 15 s
	Write   time.Duration // a writing call whose context has no deadline; default 2 min
}

// WithLogger makes the client log: logins and renewals, warnings when a token is
// about to end. Never a secret. Default: silent.
func WithLogger(logger *slog.Logger) Option { return func(s *settings.Settings) { s.Logger = logger } }

// WithTransport wraps the HTTP transport, for tracing or metrics. It sees the
// tokens and secrets in requests and answers, and must not send a request twice.
func WithTransport(wrap func(http.RoundTripper) http.RoundTripper) Option {
	return func(s *settings.Settings) { s.Wrap = wrap }
}

// WithAPIClient takes address, TLS, namespace, headers, and (unless another
// login is given) the token from a client of the official package. The client
// is copied and never changed.
func WithAPIClient(client *api.Client) Option {
	return func(s *settings.Settings) { s.Existing = client }
}

// Credential says where a secret comes from; it prints as its origin only.
type Credential = session.Credential

// Value is a credential given in the program.
func Value(secret string) Credential { return session.Value(secret) }

// File is the content of a file, without trailing white space, read at each
// login.
func File(path string) Credential { return session.File(path) }

// Env is the value of an environment variable, read at each login.
func Env(name string) Credential { return session.Env(name) }

// Wrapped is a response-wrapping token around an AppRole's secret id. It is
// unwrapped once, after its creation path was checked; the secret id stays in
// memory. A token that was used before is ErrWrappingToken.
func Wrapped(token Credential) Credential { return session.Wrapped(token) }

// CLIToken is the token that "vault login" left in ~/.vault-token.
func CLIToken() Credential { return session.CLIToken() }

// WithToken uses a token that somebody else obtained. It is renewed where it
// can be, read again from a File or Env when Vault refuses it, and never
// revoked. Before one that cannot be renewed ends, the logger gets a warning.
func WithToken(token Credential) Option {
	return func(s *settings.Settings) { s.SetLogin(session.Token(token)) }
}

// AppRole is a login for services and pipelines.
type AppRole struct {
	RoleID   Credential
	SecretID Credential // plain, or Wrapped
	Mount    string     // default "approle"
}

// WithAppRole logs in with an AppRole.
func WithAppRole(role AppRole) Option {
	return func(s *settings.Settings) { s.SetLogin(session.AppRole(role.Mount, role.RoleID, role.SecretID)) }
}

// Kubernetes is a login for pods.
type Kubernetes struct {
	Role    string // the role of Vault's Kubernetes auth method
	JWTFile string // default: the projected service account token; read at each login
	Mount   string // default "kubernetes"
}

// WithKubernetes logs in with a pod's service account.
func WithKubernetes(k Kubernetes) Option {
	return func(s *settings.Settings) { s.SetLogin(session.Kubernetes(k.Mount, k.Role, k.JWTFile)) }
}

// RotateOption configures Rotate and Rollback.
type RotateOption func(*rotateOptions)

type rotateOptions struct {
	actor, reason string
	expires       time.Time
	verify        func(context.Context, Target, ProviderKeys) error
	dryRun        bool

	restoreDeleted, allowRevoked, addFields bool
}

// WithActor says in the record who rotates: printable, at most 512 bytes. It is a
// claim; Vault's audit device knows the token. Default: empty.
func WithActor(actor string) RotateOption { return func(o *rotateOptions) { o.actor = actor } }

// WithReason says in the record why: printable, at most 512 bytes. Default: empty.
func WithReason(reason string) RotateOption { return func(o *rotateOptions) { o.reason = reason } }

// WithExpiresAt notes when the new key will expire, in the record and in the
// provider's custom metadata (vaultkit_expires_at and vaultkit_expires_version),
// for reminders: nothing is ever deleted by it. The note counts only as long as
// vaultkit_expires_version is the current version. Needs "patch" on
// metadata/<base>/providers/<provider>; missing, it is a warning. Default: none.
func WithExpiresAt(t time.Time) RotateOption { return func(o *rotateOptions) { o.expires = t } }

// WithVerify tries the whole new secret, at the provider's API for instance,
// before anything is written; its error ends the rotation and is returned.
func WithVerify(verify func(ctx context.Context, target Target, keys ProviderKeys) error) RotateOption {
	return func(o *rotateOptions) { o.verify = verify }
}

// WithDryRun makes every check and writes nothing. The Rotation returned shows
// what would be recorded, with an empty outcome, or the earlier rotation that
// made this very change already. The source is asked for its fields, and told by
// Target.DryRun.
func WithDryRun() RotateOption { return func(o *rotateOptions) { o.dryRun = true } }

// RestoreDeleted lets Rollback write over a current version that is deleted or
// destroyed. What that held cannot be backed up, so the record names no backup.
// Whoever undeletes the version in the same moment finds it one version back.
// Rotate refuses it.
func RestoreDeleted() RotateOption { return func(o *rotateOptions) { o.restoreDeleted = true } }

// AllowRevoked lets Rotate and Rollback put a key in force although it is being revoked at
// its issuer, or was: by RevokeOld, or by a Source that took it back.
func AllowRevoked() RotateOption { return func(o *rotateOptions) { o.allowRevoked = true } }

// AddFields lets Rotate add fields that the secret does not have. Without it such a
// field is refused: it is a misspelt name more often than a new field. Rollback
// refuses it, since it restores a secret as it was.
func AddFields() RotateOption { return func(o *rotateOptions) { o.addFields = true } }

func newRotateOptions(opts []RotateOption) (*rotateOptions, error) {
	var o rotateOptions
	return &o, cmp.Or(apply(&o, opts), checkClaim("actor", o.actor), checkClaim("reason", o.reason), checkExpiry(o.expires))
}

// checkNoRestore refuses what only a rollback can do.
func (o *rotateOptions) checkNoRestore() error {
	if o.restoreDeleted {
		return vaulterr.Invalid("RestoreDeleted is for Rollback")
	}
	return nil
}

// checkNoRotation refuses what only a rotation can do.
func (o *rotateOptions) checkNoRotation() error {
	if o.addFields {
		return vaulterr.Invalid("AddFields is for Rotate")
	}
	return nil
}

// checkExpiry refuses what RFC 3339, and so the record, cannot hold.
func checkExpiry(t time.Time) error {
	if year := t.UTC().Year(); year < 0 || year > 9999 {
		return vaulterr.Invalid("WithExpiresAt: the year %d is not 0 to 9999", year)
	}
	return nil
}

func checkClaim(what, text string) error {
	if err := protocol.CheckClaimText(text); err != nil {
		return vaulterr.Invalid("the %s %v", what, err)
	}
	return nil
}

// request is what the engine is asked for. What the target says besides the
// provider may be filled in later, before the new secret is verified.
func (o *rotateOptions) request(target *Target) rotation.Request {
	request := rotation.Request{Provider: target.Provider, Actor: o.actor, Reason: o.reason, ExpiresAt: o.expires.UTC(), DryRun: o.dryRun,
		RestoreDeleted: o.restoreDeleted, AllowRevoked: o.allowRevoked}
	if o.verify != nil {
		request.Check = verification(target, o.verify)
	}
	return request
}

// verification is a check of the new secret by somebody else.
func verification(target *Target, verify func(context.Context, Target, ProviderKeys) error) func(context.Context, map[string]any) error {
	return func(ctx context.Context, next map[string]any) error {
		keys, err := textFields(next)
		if err != nil {
			return err
		}
		if err := verify(ctx, *target, keys); err != nil {
			return &Error{Detail: "the new secret was not verified", Err: err}
		}
		return nil
	}
}

// both makes one check after another, if there is another.
func both(first, second func(context.Context, map[string]any) error) func(context.Context, map[string]any) error {
	if second == nil {
		return first
	}
	return func(ctx context.Context, next map[string]any) error {
		if err := first(ctx, next); err != nil {
			return err
		}
		return second(ctx, next)
	}
}

// apply runs the options of a constructor or verb, in their order.
func apply[T any, O ~func(*T)](target *T, opts []O) error {
	for _, opt := range opts {
		if opt == nil {
			return vaulterr.Invalid("an option is nil")
		}
		opt(target)
	}
	return nil
}

// newSettings applies the options to the defaults and checks what they say.
func newSettings(opts []Option) (*settings.Settings, error) {
	s, err := readOptions(opts)
	return s, cmp.Or(err, s.CheckLogin())
}

// readOptions is newSettings for somebody who can do without a login. The settings are
// there even if they are wrong.
func readOptions(opts []Option) (*settings.Settings, error) {
	s := settings.New()
	applied := apply(s, opts)
	invalid := s.Complete()
	return s, cmp.Or(applied, invalid)
}
