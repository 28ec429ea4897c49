package vaultkit

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/apiclient"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/settings"
	"goblin/vaultkit/internal/vaulterr"
)

// Option configures [New]. Later options win over earlier ones. Only WithEnvironment, FromEnv
// and CLIToken read the environment; the proxy variables of net/http (HTTPS_PROXY and so on)
// always apply.
type Option func(*settings.Settings)

// WithEnvironment configures the client with environment variables, which docs/policies.md
// describes. It reads those of the Vault CLI (VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT,
// VAULT_CACERT_BYTES, VAULT_CAPATH, VAULT_CLIENT_CERT, VAULT_CLIENT_KEY,
// VAULT_TLS_SERVER_NAME, VAULT_SKIP_VERIFY), VAULTKIT_MOUNT and VAULTKIT_BASE, and
// VAULTKIT_REDIRECTS (the hosts of WithRedirects, separated by commas). VAULTKIT_AUTH
// (token, approle, kubernetes, jwt or none) chooses the login; none is WithoutLogin. If it is not set, WithEnvironment
// takes the first of these whose variables are set:
//
//   - token: VAULT_TOKEN, or VAULTKIT_TOKEN_FILE
//   - approle: VAULT_ROLE_ID or VAULTKIT_ROLE_ID_FILE, with VAULT_SECRET_ID,
//     VAULTKIT_SECRET_ID_FILE, VAULTKIT_WRAPPED_SECRET_ID or
//     VAULTKIT_WRAPPED_SECRET_ID_FILE; VAULTKIT_APPROLE_MOUNT
//   - kubernetes: VAULTKIT_KUBERNETES_ROLE; VAULTKIT_JWT_FILE,
//     VAULTKIT_KUBERNETES_MOUNT
//   - jwt: VAULTKIT_JWT_ROLE, VAULTKIT_JWT_TOKEN, VAULTKIT_JWT_TOKEN_FILE or
//     VAULTKIT_JWT_AUDIENCE; without a token or file, it is GitHubToken(VAULTKIT_JWT_AUDIENCE);
//     VAULTKIT_JWT_MOUNT
//   - the token in ~/.vault-token
func WithEnvironment() Option { return settings.WithEnvironment(os.Getenv) }

// WithAddress sets the server's URL, such as "https://vault.example.com:8200", or
// "unix:///run/vault.sock" for a socket. The URL must not contain credentials. An address is
// required: here, or by WithEnvironment or WithAPIClient.
func WithAddress(url string) Option { return func(s *settings.Settings) { s.Address = url } }

// WithNamespace selects a namespace of OpenBao, Vault Enterprise or HCP. A nested one is a path such
// as team/a. If OpenBao has no such namespace, the error is ErrMountNotFound and names it. Vault's
// community edition ignores it and reports no error. Default: none.
func WithNamespace(namespace string) Option {
	return func(s *settings.Settings) { s.Namespace = namespace }
}

// WithMount sets the path of the KV version 2 mount. Default "secret".
func WithMount(path string) Option { return func(s *settings.Settings) { s.Mount = path } }

// WithBasePath sets the path below the mount that holds providers/, backups/ and
// rotations/. Default "goblin-assistant".
func WithBasePath(path string) Option { return func(s *settings.Settings) { s.Base = path } }

// WithTLS configures TLS for an https address. Default: the system's CAs.
func WithTLS(tls TLS) Option { return func(s *settings.Settings) { s.TLS = new(apiclient.TLS(tls)) } }

// TLS says which servers to trust, and with which certificate to identify the client. Files
// are PEM; zero fields keep the default.
type TLS struct {
	CAFile     string // trust the CAs in this file
	CAPEM      string // if CAFile is empty: trust the CAs in this PEM text
	CADir      string // if both are empty: trust the CAs in the files of this directory; symbolic links are followed
	CertFile   string // the client's certificate
	KeyFile    string // the key of the client's certificate
	ServerName string // expect this name in the server's certificate
	// SkipVerify accepts any certificate. Then anybody on the network can read every secret.
	// It is for experiments only.
	SkipVerify bool
}

// WithRedirects lets the client follow a redirect to these hosts, with the token and the
// secret: "vault-1.example.com", "vault-1.example.com:8200" or "*.vault.example.com". A
// cluster whose standbys do not forward requests needs it if its nodes announce (api_addr)
// other hosts than the one in the address. Default: only to the same host and port, and
// never from https to http.
func WithRedirects(hosts ...string) Option { return func(s *settings.Settings) { s.Redirects = hosts } }

// WithTimeouts limits how long calls take. Zero fields keep their default.
func WithTimeouts(t Timeouts) Option {
	return func(s *settings.Settings) { s.Timeouts = settings.Timeouts(t) }
}

// Timeouts are upper bounds; an earlier deadline of the caller's context wins.
type Timeouts struct {
	// Request bounds one request and its response. Default 10 s.
	Request time.Duration
	// Start bounds New, with its retries. Default 5 s; with WithProviders, as long as ctx.
	Start time.Duration
	// Read bounds one call that reads, with its retries. Default 15 s. Reads from a sealed
	// server are retried for 3 s.
	Read time.Duration
	// Write bounds one call that writes, if its context has no deadline. Default 2 min.
	Write time.Duration
}

// WithLogger sets where the client logs its events (see WithObserver) and warnings, for
// instance that a token is about to expire. The client logs logins, rotations and recoveries at
// level Info, problems at Warn, and the rest at Debug. It never logs a secret. Default: no log.
func WithLogger(logger *slog.Logger) Option { return func(s *settings.Settings) { s.Logger = logger } }

// WithTransport wraps the HTTP transport, for tracing or metrics. The wrapper sees the tokens and
// secrets in requests and responses. It must not send a request twice, and must be safe for
// concurrent use. Default: none.
func WithTransport(wrap func(http.RoundTripper) http.RoundTripper) Option {
	return func(s *settings.Settings) { s.Wrap = wrap }
}

// WithAPIClient takes address, TLS, namespace and headers from a client of the official package.
// It takes the token too, unless another login is given. The client is copied and never changed.
// Default: none.
func WithAPIClient(client *api.Client) Option {
	return func(s *settings.Settings) { s.Existing = client }
}

// RotateOption configures [Client.Rotate] and [Client.RotateAll]: [AddFields], a
// [ChangeOption] or an [AuditOption].
type RotateOption interface {
	configureRotate(*rotateOptions) error
}

// RollbackOption configures [Client.Rollback]: [RestoreDeleted], a [ChangeOption] or an
// [AuditOption].
type RollbackOption interface {
	configureRollback(*rotateOptions) error
}

// RevokeOption configures [Client.RevokeOld]: [IgnoreOtherProviders] or an [AuditOption].
type RevokeOption interface {
	configureRevoke(*revokeOptions) error
}

// ChangeOption configures a change of a secret. It is a RotateOption and a RollbackOption.
type ChangeOption func(*changeOptions)

type changeOptions struct {
	expires      time.Time
	verify       func(context.Context, Target, ProviderKeys) error
	dryRun       bool
	allowRevoked bool
}

func (opt ChangeOption) configureRotate(o *rotateOptions) error {
	return settings.Apply(&o.changeOptions, []ChangeOption{opt})
}

func (opt ChangeOption) configureRollback(o *rotateOptions) error { return opt.configureRotate(o) }

// AuditOption adds to the audit record. It is a RotateOption, a RollbackOption and a
// RevokeOption.
type AuditOption func(*auditOptions)

type auditOptions struct{ actor, reason string }

func (o *auditOptions) check() error {
	return cmp.Or(checkAuditText("actor", o.actor), checkAuditText("reason", o.reason))
}

func (opt AuditOption) configureRotate(o *rotateOptions) error {
	return settings.Apply(&o.auditOptions, []AuditOption{opt})
}

func (opt AuditOption) configureRollback(o *rotateOptions) error { return opt.configureRotate(o) }

func (opt AuditOption) configureRevoke(o *revokeOptions) error {
	return settings.Apply(&o.auditOptions, []AuditOption{opt})
}

// The options of one verb alone.
type (
	rotateOnly   func(*rotateOptions)
	rollbackOnly func(*rotateOptions)
	revokeOnly   func(*revokeOptions)
)

func (opt rotateOnly) configureRotate(o *rotateOptions) error {
	return settings.Apply(o, []rotateOnly{opt})
}

func (opt rollbackOnly) configureRollback(o *rotateOptions) error {
	return settings.Apply(o, []rollbackOnly{opt})
}

func (opt revokeOnly) configureRevoke(o *revokeOptions) error {
	return settings.Apply(o, []revokeOnly{opt})
}

// WithActor sets who makes the change, in the audit record: printable text of at most 512 bytes,
// the limit of KV version 2 for custom metadata. Nobody checks it; Vault's audit device logs which
// token made the change. Default: empty.
func WithActor(actor string) AuditOption { return func(o *auditOptions) { o.actor = actor } }

// WithReason sets why the change is made, in the audit record: printable text of at most 512
// bytes. Default: empty.
func WithReason(reason string) AuditOption { return func(o *auditOptions) { o.reason = reason } }

// WithExpiresAt sets when the new key expires, for [Client.Status] to report. Nothing is ever
// deleted because of it. The time is stored in the record, and in the provider's custom metadata
// as vaultkit_expires_v<version>, so it applies to this version only. Needs "patch" on
// metadata/<base>/providers/<provider>; without it, the rotation succeeds with a warning.
// Default: none.
func WithExpiresAt(t time.Time) ChangeOption { return func(o *changeOptions) { o.expires = t } }

// WithVerify calls verify with the whole new secret before anything is written, for instance to
// try the key with the provider's API. An error of verify ends the rotation; it is the cause of
// the error that is returned. A dry run calls it for a key that was given or is random, but not for
// another source, which makes no key in a dry run. Default: none.
func WithVerify(verify func(ctx context.Context, target Target, keys ProviderKeys) error) ChangeOption {
	return func(o *changeOptions) { o.verify = verify }
}

// WithDryRun makes every check and writes nothing. The Rotation that is returned is what would
// be recorded, with an empty outcome, or the earlier rotation that already made this change.
// The source's NewFields is called; Target.DryRun tells it not to create a real key. Default:
// the rotation is made.
func WithDryRun() ChangeOption { return func(o *changeOptions) { o.dryRun = true } }

// AllowRevoked allows a key that was revoked, or is being revoked, by RevokeOld or after a failed
// rotation by its Source. Default: such a key is refused.
func AllowRevoked() ChangeOption { return func(o *changeOptions) { o.allowRevoked = true } }

// RestoreDeleted lets Rollback replace a current version that is deleted or destroyed. That
// version cannot be backed up, so the record names no backup. If somebody undeletes it at the
// same moment, it is one version back. Default: ErrDeleted.
func RestoreDeleted() RollbackOption {
	return rollbackOnly(func(o *rotateOptions) { o.restoreDeleted = true })
}

// AddFields lets Rotate add fields that the secret does not have. Without it, such a field
// is ErrInvalid, because it is usually a misspelt name.
func AddFields() RotateOption { return rotateOnly(func(o *rotateOptions) { o.addFields = true }) }

// IgnoreOtherProviders lets RevokeOld revoke keys that are in another provider's secret. It does
// not read those secrets. Default: such keys are not revoked (ErrConflict).
func IgnoreOtherProviders() RevokeOption {
	return revokeOnly(func(o *revokeOptions) { o.onlyProvider = true })
}

// rotateOptions are the options of Rotate and of Rollback.
type rotateOptions struct {
	auditOptions
	changeOptions

	restoreDeleted, addFields bool
}

func newRotateOptions(opts []RotateOption) (*rotateOptions, error) {
	var o rotateOptions
	err := configure(opts, func(opt RotateOption) error { return opt.configureRotate(&o) })
	return &o, cmp.Or(err, o.check())
}

func newRollbackOptions(opts []RollbackOption) (*rotateOptions, error) {
	var o rotateOptions
	err := configure(opts, func(opt RollbackOption) error { return opt.configureRollback(&o) })
	return &o, cmp.Or(err, o.check())
}

func (o *rotateOptions) check() error { return cmp.Or(o.auditOptions.check(), checkExpiry(o.expires)) }

type revokeOptions struct {
	auditOptions

	onlyProvider bool
}

func newRevokeOptions(opts []RevokeOption) (*revokeOptions, error) {
	var o revokeOptions
	err := configure(opts, func(opt RevokeOption) error { return opt.configureRevoke(&o) })
	return &o, cmp.Or(err, o.check())
}

// checkExpiry refuses what RFC 3339, and so the record, cannot hold.
func checkExpiry(t time.Time) error {
	if year := t.UTC().Year(); year < 0 || year > 9999 {
		return vaulterr.Invalid("WithExpiresAt: the year %d is not 0 to 9999", year)
	}
	return nil
}

func checkAuditText(what, text string) error {
	if err := protocol.CheckMetadataText(text); err != nil {
		return vaulterr.Invalid("the %s %v", what, err)
	}
	return nil
}

// configure passes the options of a verb to one of their methods, in their order.
func configure[O comparable](opts []O, with func(O) error) error {
	var none O
	for _, opt := range opts {
		if opt == none {
			return settings.ErrNilOption()
		}
		if err := with(opt); err != nil {
			return err
		}
	}
	return nil
}
