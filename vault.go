// Package vaultkit reads API keys of AI providers from HashiCorp Vault and rotates
// them without ever losing one.
//
// Each provider is one secret in a KV version 2 mount, by default at
// secret/goblin-assistant/providers/<provider>. A provider's name is 1 to 128 letters,
// digits, dots, underscores and dashes, and starts with a letter or digit. Make one
// [Client] when your program starts, share it, and ask it for keys:
//
//	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	key, err := client.GetAPIKey(ctx, "openai-gpt4")
//
// [Client.GetField] reads another field, and [Client.GetProviderKeys] reads all fields.
// Scripts can use the package-level [GetAPIKey], [GetProviderKeys] and [Rotate], which
// make a client from the environment on first use.
//
// "go doc goblin/vaultkit.Client" lists the methods of a client, and "go doc -all
// goblin/vaultkit" prints everything. In these docs, <base> is the path of [WithBasePath], by
// default goblin-assistant. A method that needs "read" on data/<base>/providers/<provider>
// needs a token whose policy grants this capability on this path below the mount.
//
// # Logging in
//
// [WithEnvironment] reads VAULT_ADDR, VAULT_TOKEN and the other variables of the Vault
// CLI. Without it, [WithAddress] and one of [WithToken], [WithAppRole] and
// [WithKubernetes] do the same:
//
//	client, err := vaultkit.New(ctx,
//		vaultkit.WithAddress("https://vault.example.com:8200"),
//		vaultkit.WithKubernetes(vaultkit.Kubernetes{Role: "goblin"}))
//
// The client renews its token before it expires. It logs in again when renewal ends, or
// when Vault no longer knows the token; then it retries the requests that were refused.
//
// # Services
//
// With [WithCache], reads return from memory in nanoseconds (docs/benchmarks.md), and a
// service keeps its keys while Vault is down:
//
//	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment(),
//		vaultkit.WithCache(time.Minute, 24*time.Hour),
//		vaultkit.WithProviders("openai-gpt4"))
//
// The client refreshes cached keys in the background. In this example, a service sees a
// rotation within a minute. [Client.Watch] yields the new secret after each change, and
// [NewUpdater] keeps a value made from the keys, such as an HTTP client. [Client.Health] is
// for probes, [WithObserver] for metrics and alarms.
//
// # Rotation
//
// Create the new key with the provider's API, then store it:
//
//	rotation, err := client.Rotate(ctx, "openai-gpt4", vaultkit.NewKey(newKey),
//		vaultkit.WithReason("quarterly"))
//
// [Client.Rotate] writes the current secret to a backup, then the new secret, then an audit
// record. It writes the new secret with check-and-set: Vault accepts the write only if the
// version that was backed up is still the current one. At every moment, the provider holds one
// complete secret that somebody wrote. From the moment the new secret is in force, the old one
// is in its backup. Running the same rotation again finishes a rotation that was interrupted.
// [Client.Recover] only finds out whether such a rotation changed the secret, and records it.
//
// [Client.Rollback] brings a backup's secret back. [Client.RevokeOld] has the old key
// revoked at the provider, once the new key works everywhere. [Client.History] returns
// the audit records, [Client.Backups] the backups, and [Client.PruneBackups] deletes
// old ones. [Client.Status] reports which keys are due for rotation, and
// [Client.RotateAll] rotates many providers. [Client.Abort] closes an interrupted rotation
// for good, so that it can never be applied.
//
// A [Source] of your own can ask the provider's API for the new key. If it has a
// Verify method, it can test the key before anything is written. If it is a [Revoker]
// too, it revokes the new key when the rotation definitely fails. docs/rotation.md lists
// the guarantees, and what is not guaranteed.
//
// # Environment variables
//
// [Client.Environ] returns keys as variables for [os/exec], [Client.LoadEnv] sets them
// in this process, and [Client.WriteEnvFile] writes a file.
//
// # Policies and diagnosis
//
// Package policy writes the smallest Vault policy for each kind of work. Package doctor
// checks everything from the address to the token's rights. For each problem that it finds, it
// returns a command that fixes it, or that shows where to look:
//
//	for finding := range doctor.Diagnose(ctx, doctor.Query{}, vaultkit.WithEnvironment()) {
//		fmt.Println(finding.Status, finding.Check, finding.Detail, finding.Fix)
//	}
//
// # Errors
//
// Every error is an [*Error]. It wraps one of three: a sentinel of this package, the error that
// your Source or verify function returned, or the error of your cancelled context. Use
// [errors.Is] to test for it, and [errors.As] for the fields of [Error], which package vaulterr
// documents. Expect these sentinels:
//
//   - [ErrNotFound]: nothing is stored for this provider.
//   - [ErrPermissionDenied]: the token lacks a right; the text names path and capability.
//   - [ErrUnavailable]: Vault cannot be reached, or the deadline has passed.
//   - [ErrConflict]: somebody else changed the secret; nothing of yours was applied.
//   - [ErrUndetermined]: a write may or may not have been applied. Call Recover. Such an
//     error matches no other sentinel.
//
// If Vault responded, errors.As also finds the *api.ResponseError of the official client. No
// error, log line or printed value of this package contains a secret, unless a function
// of yours puts one into its error.
//
// # Concurrency
//
// A Client and everything else here is safe for concurrent use. A method that takes a
// context blocks until Vault responds or the context ends. The fields of [Timeouts] bound
// every read, and every write whose context has no deadline.
package vaultkit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/cache"
	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/rotation"
	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/settings"
	"goblin/vaultkit/internal/vaulterr"
)

// Client reads and rotates the provider keys below one base path of one Vault.
// Make one with [New] and share it; [Client.Close] it in the end.
type Client struct {
	session   *session.Session
	store     *kv.Store
	engine    *rotation.Engine
	keys      *cache.Cache[secret] // the secrets that are watched, and cached if so wanted
	cached    bool                 // reads are served from keys
	observe   func(event.Event)
	timeouts  Timeouts
	where     string // "http://127.0.0.1:8200 secret/goblin-assistant"
	closeIdle func() // closes idle connections, but not those of a client that the caller passed

	refusedNames atomic.Int64 // in the last list of providers
}

// New logs in to Vault, checks that the mount is KV version 2, and returns a client. It blocks
// until then. ctx bounds the start only: the client lives until Close, and renews its token in
// the background. While the server cannot be reached, New tries again for Timeouts.Start. The
// token needs any capability below the mount.
//
// Errors: ErrInvalid (an option, named), ErrUnauthenticated, ErrWrappingToken,
// ErrPermissionDenied (no right below the mount), ErrMountNotFound, ErrNotKVv2,
// ErrSealed, ErrUnavailable.
func New(ctx context.Context, opts ...Option) (*Client, error) {
	client, err := open(ctx, opts)
	return client, vaulterr.WithOp("New", "", err)
}

func open(ctx context.Context, opts []Option) (*Client, error) {
	cfg, err := settings.Read(opts)
	if err := cmp.Or(err, cfg.CheckLogin()); err != nil {
		return nil, err
	}
	official, closeIdle, err := cfg.OfficialClient()
	if err != nil {
		return nil, err
	}
	c := &Client{
		timeouts: Timeouts(cfg.Timeouts), closeIdle: closeIdle, cached: cfg.Caching, observe: observer(cfg),
		where: fmt.Sprintf("%s %s/%s", cmp.Or(cfg.Address, official.Address()), cfg.Mount, cfg.Base),
	}
	c.keys = cache.New(c.cacheConfig(cfg))
	if err := c.start(ctx, cfg, official); err != nil {
		c.keys.Close()
		c.closeIdle()
		return nil, err
	}
	return c, nil
}

// start logs in and checks the mount; when that fails nothing is left running.
func (c *Client) start(ctx context.Context, cfg *settings.Settings, official *api.Client) error {
	if !cfg.WaitForVault {
		bounded, cancel := context.WithTimeout(ctx, cfg.Timeouts.Start)
		defer cancel()
		ctx = bounded
	}
	s, err := session.Open(ctx, session.Config{
		Client: official, Login: cfg.Login, Logger: cfg.Logger,
		RequestTimeout: cfg.Timeouts.Request, StartWait: cfg.Timeouts.Start, Backoff: cfg.Backoff,
		WaitForVault: cfg.WaitForVault, Observe: c.observe,
	})
	if err != nil {
		return err
	}
	c.session = s
	c.store = kv.New(s, cfg.Mount, cfg.Base, cfg.Backoff)
	c.engine = &rotation.Engine{Store: c.store, Backoff: cfg.Backoff, Now: time.Now, Logins: s.Logins, RecordWait: cfg.RecordWait,
		SkipOtherProviders: cfg.SkipOtherProviders, Observe: c.observe, OnCommit: c.stored}
	if err := c.ready(ctx, cfg); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// ready checks the mount and fetches what the client was told to keep.
func (c *Client) ready(ctx context.Context, cfg *settings.Settings) error {
	if cfg.MountMayBeMissing {
		return nil
	}
	worthWaiting := func(err error) bool { return cfg.WaitForVault && unavailable(err) }
	if err := c.store.RetryWhile(ctx, worthWaiting, func() error { return c.store.CheckMount(ctx) }); err != nil {
		return err
	}
	return c.declare(ctx, cfg.DeclaredProviders)
}

// Vault returns the official client, logged in, for requests that vaultkit does not cover. Most
// programs do not need it. Its token follows every renewal and login. After Close its requests
// fail. It reads at most 1 MiB of an error response.
func (c *Client) Vault() *api.Client { return c.session.Client() }

// Close ends the client. It waits for running requests and for the background work, and revokes
// the token if the client obtained it by a login of its own. It never revokes a token of
// WithToken. Running requests get 3 s and then end with ErrUnavailable; the revocation of the
// token gets 2 s. So Close blocks for at most 5 s. It may be called again, and concurrently.
// After it, every method that sends requests returns ErrClosed. Close itself returns nil.
func (c *Client) Close() error {
	c.keys.Close()
	err := c.session.Close()
	c.closeIdle()
	return vaulterr.WithOp("Close", "", err)
}

// String returns the server, mount and base path of the client.
func (c *Client) String() string { return "vaultkit.Client(" + c.where + ")" }

// GoString returns what String returns, because the client's fields hold credentials.
func (c *Client) GoString() string { return c.String() }

// Format prints String under every verb.
func (c *Client) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// MarshalJSON returns what String returns, quoted.
func (c *Client) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", c.String()), nil }

// readContext bounds a read: it ends with ctx, and after Timeouts.Read at the latest.
func (c *Client) readContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, c.timeouts.Read, session.ErrTimeout)
}

// writeContext bounds a write: it ends with ctx, and where the caller set no
// deadline, after Timeouts.Write.
func (c *Client) writeContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, bounded := ctx.Deadline(); bounded {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, c.timeouts.Write, session.ErrTimeout)
}

// defaultClient is the client of the package-level functions. The channel is a
// lock that waiters can leave when their context ends: it is held over a login.
var defaultClient = struct {
	lock   chan struct{}
	client *Client
}{lock: make(chan struct{}, 1)}

// Default returns the client of the package-level functions. The first call makes it with
// New(ctx, WithEnvironment()), and blocks and fails as New does; concurrent calls wait for it.
// An error is not kept: the next call tries again. If the client was closed, the next call makes
// a new one.
//
// Errors: those of New.
func Default(ctx context.Context) (*Client, error) {
	select {
	case defaultClient.lock <- struct{}{}:
		defer func() { <-defaultClient.lock }()
	case <-ctx.Done():
		return nil, vaulterr.WithOp("Default", "", vaulterr.Interrupted(nil, ctx.Err()))
	}
	if defaultClient.client != nil && !defaultClient.client.session.Closed() {
		return defaultClient.client, nil
	}
	client, err := New(ctx, WithEnvironment())
	if err != nil {
		return nil, err
	}
	defaultClient.client = client
	return client, nil
}
