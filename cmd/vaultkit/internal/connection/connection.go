// Package connection connects a command to Vault. The global flags and the environment
// say where Vault is and how to log in; With runs a command's work with a client.
package connection

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/settings"
)

// The default mount and base path of the providers.
const (
	DefaultMount = "secret"
	DefaultBase  = "goblin-assistant"
)

// Connection holds the settings of the global flags and the environment.
type Connection struct {
	Verbose      bool // log what the client does
	io           *terminal.IO
	settings     []setting
	timeout      flagtype.Duration
	timeoutGiven func() bool
	waiting      sync.Once // the user is told that Vault does not respond
	warned       sync.Map  // texts of warnings
}

// New returns a Connection that logs and warns to io.
func New(io *terminal.IO) *Connection { return &Connection{io: io, settings: newSettings()} }

// With logs in, runs the work within the timeout, and logs out.
func (c *Connection) With(ctx context.Context, work func(context.Context, *vaultkit.Client) error) error {
	ctx, cancel := c.WithTimeout(ctx)
	defer cancel()
	return c.run(ctx, func(client *vaultkit.Client) error {
		return suggestProvider(ctx, client, work(ctx, client))
	})
}

// WithAnswers logs in, runs the work, and logs out. The work may wait for input, so it bounds its
// requests itself.
func (c *Connection) WithAnswers(ctx context.Context, work func(*vaultkit.Client) error, options ...vaultkit.Option) error {
	login, cancel := c.WithTimeout(ctx)
	defer cancel()
	return c.run(login, work, options...)
}

// WithAdmin is WithAnswers for a mount that may be missing.
func (c *Connection) WithAdmin(ctx context.Context, work func(*vaultkit.Client) error) error {
	return c.WithAnswers(ctx, work, settings.AllowMissingMount)
}

// Stay logs in, runs start within the timeout, then work without a time limit, and logs out.
func (c *Connection) Stay(ctx context.Context, start func(context.Context, *vaultkit.Client) error,
	work func(*vaultkit.Client) error, options ...vaultkit.Option,
) error {
	ctx, cancel := c.WithTimeout(ctx)
	defer cancel()
	return c.run(ctx, func(client *vaultkit.Client) error {
		if err := suggestProvider(ctx, client, start(ctx, client)); err != nil {
			return err
		}
		c.waiting.Do(func() {}) // from now on, the user does not wait for Vault
		return work(client)
	}, options...)
}

// run runs the work with a client. ctx bounds only the login.
func (c *Connection) run(ctx context.Context, work func(*vaultkit.Client) error, more ...vaultkit.Option) error {
	options, err := c.LoginOptions()
	if err != nil {
		return err
	}
	options = append(options, c.watchServer(), vaultkit.WithObserver(c.warnOfNames))
	client, err := vaultkit.New(ctx, append(options, more...)...)
	if err != nil {
		return err
	}
	defer func() {
		if err := client.Close(); err != nil {
			c.io.Warn("%v", err)
		}
	}()
	return work(client)
}

// WithTimeout returns a context that ends after --timeout.
func (c *Connection) WithTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Duration(c.timeout))
}

// warnOfNames warns of providers that are not listed, once of each.
func (c *Connection) warnOfNames(e event.Event) {
	if e.Kind != event.LeftOut {
		return
	}
	text := exitcode.Text(e.Err)
	if _, told := c.warned.LoadOrStore(text, true); !told {
		c.io.Warn("%s", text)
	}
}

// LoginOptions returns the options of a client. An address is required.
func (c *Connection) LoginOptions() ([]vaultkit.Option, error) {
	environment, err := c.environment()
	if err != nil {
		return nil, err
	}
	if environment("VAULT_ADDR") != "" {
		return c.Options()
	}
	return nil, exitcode.Invalid("no address:", "set VAULT_ADDR or give --address", "for a temporary Vault, run: vaultkit dev")
}

// Options returns the options of a client. They may lack an address.
func (c *Connection) Options() ([]vaultkit.Option, error) {
	environment, err := c.environment()
	if err != nil {
		return nil, err
	}
	// --timeout bounds everything. A server that cannot be reached is tried for longer
	// than the default only if the flag is given.
	all := time.Duration(c.timeout)
	timeouts := vaultkit.Timeouts{Read: all, Write: all}
	if c.timeoutGiven() {
		timeouts.Start = all
	}
	options := []vaultkit.Option{
		settings.WithEnvironment(environment),
		vaultkit.WithLogger(c.logger()),
		vaultkit.WithTimeouts(timeouts),
	}
	if helper, found := tokenHelper(environment); found {
		options = append(options, c.withTokenHelper(helper, environment))
	}
	return options, nil
}

// logger returns a logger for --verbose, or nil. A command runs for seconds, and its
// error says what matters.
func (c *Connection) logger() *slog.Logger {
	if !c.Verbose {
		return nil
	}
	return slog.New(slog.NewTextHandler(c.io.Err, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Location returns the mount and the base path that are set; empty: the default.
func (c *Connection) Location() (mount, base string, err error) {
	environment, err := c.environment()
	if err != nil {
		return "", "", err
	}
	return environment("VAULTKIT_MOUNT"), environment("VAULTKIT_BASE"), nil
}

// Path returns the path of an entry in Vault, in the form of the vault command.
func (c *Connection) Path(parts ...string) string {
	mount, base, _ := c.Location() // of flags that contradict each other: the defaults
	return strings.Join(append([]string{cmp.Or(mount, DefaultMount), cmp.Or(base, DefaultBase)}, parts...), "/")
}

// Args returns the connection flags of this call, so that a suggested command can be
// copied.
func (c *Connection) Args() string {
	var args strings.Builder
	for _, s := range c.given() {
		args.WriteString(" --" + s.name + " " + terminal.ShellWord(s.value))
	}
	return args.String()
}
