package main

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

// askBriefly is how long completion may ask Vault: a person's shell waits for it.
const askBriefly = 2 * time.Second

// completionFunc completes an argument or the value of a flag.
type completionFunc = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective)

// complete gives a command the completions that its usage line and its flags ask
// for, where it has none of its own.
func (c *cli) complete(cmd *cobra.Command) {
	if cmd.ValidArgsFunction == nil {
		cmd.ValidArgsFunction = c.completeArgument
	}
	for name, complete := range map[string]completionFunc{
		"provider":     c.completeProvider,
		"to":           c.completeID,
		"format":       completeWord("sh", "dotenv", "docker", "fish", "powershell", "github", "json"),
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

// completeConnection completes the values of the global flags. Of flags that are
// not named here or above, none is a file.
func (c *cli) completeConnection(root *cobra.Command) {
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	_ = root.RegisterFlagCompletionFunc("auth", completeWord(connection.Logins...))
	for _, name := range c.FileFlags() {
		_ = root.RegisterFlagCompletionFunc(name, completeFile)
	}
}

func completeWord(words ...string) completionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return beginning(typed, words...), cobra.ShellCompDirectiveNoFileComp
	}
}

func completeFile(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// completeArgument goes by the usage line: PROVIDER and ID stand for what Vault
// knows, a word in lower case for itself.
func (c *cli) completeArgument(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	switch name := usage.ArgumentAt(cmd, len(args)); name {
	case "PROVIDER":
		return c.completeProvider(cmd, args, typed)
	case "ID":
		return c.completeID(cmd, args, typed)
	case strings.ToUpper(name):
		return nil, cobra.ShellCompDirectiveNoFileComp
	default:
		return beginning(typed, name), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeProvider names the providers that are not given yet.
func (c *cli) completeProvider(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	names := ask(c, cmd, func(ctx context.Context, client *vaultkit.Client) ([]string, error) { return client.Providers(ctx) })
	several, _ := cmd.Flags().GetStringArray("provider") // none, where it takes one or is no flag
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(args, name) || slices.Contains(several, name) })
	return beginning(typed, names...), cobra.ShellCompDirectiveNoFileComp
}

// settleable is what must have become of a rotation for a command to take its id;
// any other command takes all.
var settleable = map[string]vaultkit.Outcome{"abort": vaultkit.Undecided, "revoke-old": vaultkit.Committed}

// completeID names the backups of the provider that is given, newest first.
func (c *cli) completeID(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	if len(args) == 0 {
		return nil, directive
	}
	backups := ask(c, cmd, func(ctx context.Context, client *vaultkit.Client) ([]vaultkit.Backup, error) {
		return client.Backups(ctx, args[0])
	})
	var ids []string
	short := rotationid.ShortAll(rotationid.OfBackups(backups))
	for _, b := range backups {
		if outcome, some := settleable[cmd.Name()]; !some || outcome == b.Outcome {
			what := "version " + strings.Join([]string{strconv.Itoa(b.Version), string(b.Outcome), terminal.Cell(b.Reason)}, ", ")
			id := b.ID
			if strings.HasPrefix(typed, "v") {
				id = short[id]
			}
			ids = append(ids, cobra.CompletionWithDesc(id, what))
		}
	}
	return beginning(typed, ids...), directive
}

// beginning are the words that begin with what is typed.
func beginning(typed string, words ...string) []string {
	return slices.DeleteFunc(slices.Clone(words), func(word string) bool { return !strings.HasPrefix(word, typed) })
}

// ask asks Vault something, briefly. Nobody could read why there is no answer.
func ask[T any](c *cli, cmd *cobra.Command, question func(context.Context, *vaultkit.Client) (T, error)) (none T) {
	c.Verbose = false
	ctx, cancel := context.WithTimeout(cmd.Context(), askBriefly)
	defer cancel()
	// Whatever may take longer than ctx allows, a file or the logout, is left behind.
	answers, ended := make(chan T, 1), make(chan struct{})
	go func() {
		defer close(ended)
		c.answer(ctx, func(client *vaultkit.Client) {
			if answer, err := question(ctx, client); err == nil {
				answers <- answer
			}
		})
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	select {
	case answer := <-answers:
		return answer
	default:
		return none
	}
}

// answer logs in for a question, where that uses nothing up, and out again.
func (c *cli) answer(ctx context.Context, question func(*vaultkit.Client)) {
	options, err := c.LoginOptions()
	if err != nil || c.LoginUsesUp() {
		return
	}
	client, err := vaultkit.New(ctx, options...)
	if err != nil {
		return
	}
	defer client.Close()
	question(client)
}
