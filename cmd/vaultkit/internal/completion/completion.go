// Package completion offers the shell what may follow on a command line: names and ids
// from Vault, and fixed words. It asks Vault only if the login uses nothing up, and
// only for a short time.
package completion

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/connection"
	"goblin/vaultkit/cmd/vaultkit/internal/rotationid"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

// Timeout is how long completion may ask Vault: the user's shell is waiting.
const Timeout = 2 * time.Second

// Func completes an argument or the value of a flag.
type Func = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective)

// Completer completes words, with the help of Vault.
type Completer struct{ vault *connection.Connection }

// New returns a Completer.
func New(vault *connection.Connection) *Completer { return &Completer{vault} }

// Command sets the completions of a command that has none of its own, by its usage line
// and its flags.
func (c *Completer) Command(cmd *cobra.Command) {
	if cmd.ValidArgsFunction == nil {
		cmd.ValidArgsFunction = c.Arguments("")
	}
	for name, complete := range map[string]Func{
		"provider":     c.Provider,
		"to":           c.ids(""),
		"new-key-file": completeFile,
		"verify-cmd":   completeFile,
		"cmd":          completeFile,
		"out":          completeFile,
	} {
		if _, has := cmd.GetFlagCompletionFunc(name); !has {
			_ = cmd.RegisterFlagCompletionFunc(name, complete) // fails where there is no such flag
		}
	}
}

// Connection sets the completions of the global flags. A flag without a completion does
// not complete files.
func (c *Completer) Connection(root *cobra.Command) {
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	_ = root.RegisterFlagCompletionFunc("auth", completeWord(connection.Logins...))
	for _, name := range c.vault.FileFlags() {
		_ = root.RegisterFlagCompletionFunc(name, completeFile)
	}
}

func completeWord(words ...string) Func {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return Prefixed(typed, words...), cobra.ShellCompDirectiveNoFileComp
	}
}

func completeFile(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// Arguments completes arguments by the usage line: PROVIDER and ID with what is in
// Vault, a word in lower case with itself. The ids are those of rotations with the
// outcome; empty: any.
func (c *Completer) Arguments(outcome vaultkit.Outcome) Func {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		switch name := usage.ArgumentAt(cmd, len(args)); name {
		case "PROVIDER":
			return c.Provider(cmd, args, typed)
		case "ID":
			return c.ids(outcome)(cmd, args, typed)
		case strings.ToUpper(name):
			return nil, cobra.ShellCompDirectiveNoFileComp
		default:
			return Prefixed(typed, name), cobra.ShellCompDirectiveNoFileComp
		}
	}
}

// Provider offers the providers that are not given yet.
func (c *Completer) Provider(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	names := ask(c, cmd, func(ctx context.Context, client *vaultkit.Client) ([]string, error) { return client.Providers(ctx) })
	several, _ := cmd.Flags().GetStringArray("provider") // none, where it takes one or is no flag
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(args, name) || slices.Contains(several, name) })
	return Prefixed(typed, names...), cobra.ShellCompDirectiveNoFileComp
}

// ids offers the backups of the given provider, newest first.
func (c *Completer) ids(outcome vaultkit.Outcome) Func {
	const directive = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return nil, directive
		}
		backups := ask(c, cmd, func(ctx context.Context, client *vaultkit.Client) ([]vaultkit.Backup, error) {
			return client.Backups(ctx, args[0])
		})
		var ids []string
		short := rotationid.ShortAll(rotationid.OfBackups(backups))
		for _, b := range backups {
			if outcome != "" && outcome != b.Outcome {
				continue
			}
			id := b.ID
			if strings.HasPrefix(typed, "v") {
				id = short[id]
			}
			ids = append(ids, cobra.CompletionWithDesc(id, describe(b)))
		}
		return Prefixed(typed, ids...), directive
	}
}

func describe(b vaultkit.Backup) string {
	return "version " + strings.Join([]string{strconv.Itoa(b.Version), string(b.Outcome), terminal.Cell(b.Reason)}, ", ")
}

// Prefixed returns the words that start with the typed text.
func Prefixed(typed string, words ...string) []string {
	return slices.DeleteFunc(slices.Clone(words), func(word string) bool { return !strings.HasPrefix(word, typed) })
}

// ask reads from Vault for a short time. It drops errors: the shell cannot show them.
func ask[T any](c *Completer, cmd *cobra.Command, read func(context.Context, *vaultkit.Client) (T, error)) (none T) {
	c.vault.Verbose = false
	ctx, cancel := context.WithTimeout(cmd.Context(), Timeout)
	defer cancel()
	// Reading a file or logging out may take longer than ctx allows. Do not wait for
	// it.
	results, ended := make(chan T, 1), make(chan struct{})
	go func() {
		defer close(ended)
		c.withClient(ctx, func(client *vaultkit.Client) {
			if result, err := read(ctx, client); err == nil {
				results <- result
			}
		})
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	select {
	case result := <-results:
		return result
	default:
		return none
	}
}

// withClient logs in, runs the work and logs out. It does nothing if the login would use
// something up.
func (c *Completer) withClient(ctx context.Context, work func(*vaultkit.Client)) {
	options, err := c.vault.LoginOptions()
	if err != nil || c.vault.LoginUsesUp() {
		return
	}
	client, err := vaultkit.New(ctx, options...)
	if err != nil {
		return
	}
	defer client.Close()
	work(client)
}
