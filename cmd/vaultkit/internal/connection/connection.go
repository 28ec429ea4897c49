// Package connection leads a command to Vault: the global flags and the environment say
// where it is and who we are, and With does a command's work with a client.
package connection

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// Where the providers stand unless a flag or the environment says so.
const (
	DefaultMount = "secret"
	DefaultBase  = "goblin-assistant"
)

// Connection is what the global flags and the environment say about Vault.
type Connection struct {
	Verbose      bool // log what the client does
	io           *terminal.IO
	settings     []setting
	timeout      flagtype.Duration
	timeoutGiven func() bool
}

// New returns a Connection that logs and warns to io.
func New(io *terminal.IO) *Connection { return &Connection{io: io, settings: settings()} }

// With logs in, does the work within the timeout, and logs out.
func (c *Connection) With(ctx context.Context, work func(context.Context, *vaultkit.Client) error) error {
	options, err := c.LoginOptions()
	if err != nil {
		return err
	}
	ctx, cancel := c.WithTimeout(ctx)
	defer cancel()
	client, err := vaultkit.New(ctx, append(options, c.watchServer(), vaultkit.WithObserver(c.warnOfNames))...)
	if err != nil {
		return err
	}
	defer func() {
		if err := client.Close(); err != nil {
			c.io.Warn("%v", err)
		}
	}()
	return suggestProvider(ctx, client, work(ctx, client))
}

// WithTimeout bounds a command's work.
func (c *Connection) WithTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Duration(c.timeout))
}

// warnOfNames tells of providers that are not listed.
func (c *Connection) warnOfNames(e vaultkit.Event) {
	if e.Kind == vaultkit.EventLeftOut {
		c.io.Warn("%s", exitcode.Text(e.Err))
	}
}

// LoginOptions are what the flags and the environment say, which includes an address.
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

// Options are options that need not lead anywhere.
func (c *Connection) Options() ([]vaultkit.Option, error) {
	environment, err := c.environment()
	if err != nil {
		return nil, err
	}
	// One bound for everything. Only whoever asks for it waits longer than usual for
	// a server that cannot be reached.
	all := time.Duration(c.timeout)
	timeouts := vaultkit.Timeouts{Read: all, Write: all}
	if c.timeoutGiven() {
		timeouts.Start = all
	}
	return []vaultkit.Option{
		vaultkit.FromLookup(environment),
		vaultkit.WithLogger(c.logger()),
		vaultkit.WithTimeouts(timeouts),
	}, nil
}

// logger is silent unless asked to be verbose: a command lives for seconds, and
// what matters of a failure is in its error.
func (c *Connection) logger() *slog.Logger {
	if !c.Verbose {
		return nil
	}
	return slog.New(slog.NewTextHandler(c.io.Err, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Location returns the mount and the base path that are given; empty: the default.
func (c *Connection) Location() (mount, base string, err error) {
	environment, err := c.environment()
	if err != nil {
		return "", "", err
	}
	return environment("VAULTKIT_MOUNT"), environment("VAULTKIT_BASE"), nil
}

// Path returns where an entry stands in Vault, as the vault command takes it.
func (c *Connection) Path(parts ...string) string {
	mount, base, _ := c.Location() // of flags that contradict each other: the defaults
	return strings.Join(append([]string{cmp.Or(mount, DefaultMount), cmp.Or(base, DefaultBase)}, parts...), "/")
}

// Args repeats the connection flags of this call, so that the command to run next can
// be copied as it stands.
func (c *Connection) Args() string {
	var args strings.Builder
	for _, s := range c.given() {
		args.WriteString(" --" + s.name + " " + terminal.ShellWord(s.value))
	}
	return args.String()
}
