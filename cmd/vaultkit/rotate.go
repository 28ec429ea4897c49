package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/childproc"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
)

const rotateLong = `Replace a field of a provider's secret, or several with --set; the others stay as
they are. The current secret is backed up first, the new one is written only if
nobody changed it in between, and an audit record is written after that. A field that
the secret does not have is refused, unless --add-field is given.

Running the same rotation again after a crash finishes it. With --auto every run
makes another key: after exit code 8, run vaultkit recover first.

--verify-cmd is a shell command that tries the new key before anything is written;
a status other than 0 ends the rotation. In its environment are VAULTKIT_PROVIDER,
VAULTKIT_KEY (the new key) and VAULTKIT_FIELD_<NAME> for each field of the secret
` + childproc.Help + `

Several providers, or --all of them, can be rotated with --auto, each with a key of
its own and --parallel at once. One that fails does not stop the others. The exit
code is that of the first failure, or 8 where an outcome is undetermined; --json
prints an array of {provider, rotation, error, exit_code}.

One newline at the end of a file or pipe is dropped. Control characters in a key,
and others that nobody sees, are refused unless --allow-control is given.`

// rotateFlags are the flags of rotate.
type rotateFlags struct {
	provider                                string
	all, yes                                bool
	set                                     []string
	parallel                                int
	newKey, newKeyFile, newKeyEnv           string
	newKeyStdin, auto, dryRun, newKeyIsHere bool
	allowRevoked                            bool
	allowControl                            bool
	field                                   string
	addField                                bool
	expiresIn                               flagtype.Duration
	verifyCmd                               string
	verify                                  bool // --verify-cmd is given
	several                                 bool // providers are named
	flagtype.Attribution
}

func (c *cli) rotateCommand() *cobra.Command {
	var f rotateFlags
	cmd := &cobra.Command{
		Use:   "rotate PROVIDER...|--provider PROVIDER|--all",
		Short: "Replace a key, with a backup and an audit record",
		Long:  rotateLong,
		Example: "  vaultkit rotate openai-gpt4 --new-key-file new-key.txt --reason quarterly --expires-in 90d\n" +
			"  ./issue-key.sh | vaultkit rotate --provider openai-gpt4 --new-key-stdin\n" +
			"  vaultkit rotate openai-gpt4 --new-key-env NEW_KEY --dry-run --verify-cmd ./try-key.sh\n" +
			"  vaultkit rotate local-llama local-whisper --auto",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.newKeyIsHere, f.verify = cmd.Flags().Changed("new-key"), cmd.Flags().Changed("verify-cmd")
			return c.rotate(cmd, args, &f)
		},
	}
	f.addFlags(cmd)
	return cmd
}

func (f *rotateFlags) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.provider, "provider", "", "`name` of the provider, instead of the argument")
	flags.StringVar(&f.newKey, "new-key", "", "the new `key` itself; other users of this machine can see it while the command runs")
	flags.StringVar(&f.newKeyFile, "new-key-file", "", "`file` with the new key")
	flags.BoolVar(&f.newKeyStdin, "new-key-stdin", false, "read the new key from standard input; on a terminal you are asked, and nothing is shown")
	flags.StringVar(&f.newKeyEnv, "new-key-env", "", "`name` of the environment variable with the new key")
	flags.StringArrayVar(&f.set, "set", nil, "a field and where its new value comes from, as in vaultkit put: `FIELD=@file`, FIELD=- or FIELD=value; repeat it to replace several fields at once")
	flags.BoolVar(&f.allowControl, "allow-control", false, flagtype.AllowControlHelp)
	flags.BoolVar(&f.auto, "auto", false, "make a random key, for development: no provider knows it")
	flags.StringVar(&f.field, "field", vaultkit.FieldAPIKey, "`name` of the field to replace; with --set, of the one that is VAULTKIT_KEY to the verify command")
	flags.BoolVar(&f.addField, "add-field", false, "add fields that the secret does not have; without it they are refused, as misspelt names")
	flags.BoolVar(&f.allowRevoked, "allow-revoked", false, "accept a key that is being revoked at its issuer, or was")
	flags.StringVar(&f.verifyCmd, "verify-cmd", "", "shell `command` that tries the new key before anything is written")
	flags.Var(&f.expiresIn, "expires-in", "when the new key will expire, from now, such as 90d, 2w or 12h: a note for reminders, nothing is deleted")
	flags.BoolVar(&f.dryRun, "dry-run", false, "check everything, write nothing, and show what would be written where")
	flags.BoolVar(&f.all, "all", false, "rotate every provider; needs --auto, and asks first")
	flags.BoolVar(&f.yes, "yes", false, "with --all, do not ask")
	flags.IntVar(&f.parallel, "parallel", vaultkit.DefaultWorkers, "`number` of providers to rotate at once, of several")
	f.AddFlags(cmd)
	sources := []string{"new-key", "new-key-file", "new-key-stdin", "new-key-env", "set", "auto"}
	cmd.MarkFlagsMutuallyExclusive(sources...)
	cmd.MarkFlagsOneRequired(sources...)
}

func (c *cli) rotate(cmd *cobra.Command, args []string, f *rotateFlags) error {
	if f.verify {
		if err := childproc.CheckLine("verify-cmd", f.verifyCmd); err != nil {
			return err
		}
	}
	f.several = len(args) > 1
	if f.all || f.several {
		return c.rotateMany(cmd, args, f)
	}
	provider, err := f.target(args)
	if err != nil {
		return err
	}
	source, err := c.source(cmd.Context(), f)
	if err != nil {
		return err
	}
	options := c.rotateOptions(cmd, f)
	var rotation *vaultkit.Rotation
	err = c.With(cmd.Context(), func(ctx context.Context, client *vaultkit.Client) (err error) {
		rotation, err = client.Rotate(ctx, provider, source, options...)
		return err
	})
	switch {
	case errors.Is(err, vaultkit.ErrInvalid):
		return refusedField(err)
	case err != nil:
		return c.Failure(cmd.Context(), provider, c.Args(), rotation, err)
	case f.dryRun:
		return c.DryRun(rotation, f.checks(), c.Path)
	}
	return c.Rotated("Rotated", rotation)
}

// refusedField says how to go on where the secret does not have a field. Of what
// Rotate refuses, this alone is about a field and a version.
func refusedField(err error) error {
	if why, ok := errors.AsType[*vaultkit.Error](err); ok && why.Field != "" && why.Version > 0 {
		return exitcode.WithHint(err, "To add the field, give --add-field.")
	}
	return err
}

// rotateOptions are the same for every provider.
func (c *cli) rotateOptions(cmd *cobra.Command, f *rotateFlags) []vaultkit.RotateOption {
	options := f.Options(cmd)
	if f.expiresIn > 0 {
		options = append(options, vaultkit.WithExpiresAt(time.Now().Add(time.Duration(f.expiresIn))))
	}
	if f.addField {
		options = append(options, vaultkit.AddFields())
	}
	if f.dryRun {
		options = append(options, vaultkit.WithDryRun())
	}
	if f.allowRevoked {
		options = append(options, vaultkit.AllowRevoked())
	}
	if f.verify {
		options = append(options, vaultkit.WithVerify(func(ctx context.Context, target vaultkit.Target, keys vaultkit.ProviderKeys) error {
			return c.verify(ctx, f, target.Provider, keys)
		}))
	}
	return options
}

func (f *rotateFlags) checks() render.Checks {
	if f.verify {
		return render.Checks{Random: f.auto, Verified: "yes, by the verify command"}
	}
	return render.Checks{Random: f.auto, Verified: "no: there is no --verify-cmd"}
}

// verify tries a new secret with the user's command.
func (c *cli) verify(ctx context.Context, f *rotateFlags, provider string, keys vaultkit.ProviderKeys) error {
	command := childproc.Command{Name: "verify", Line: f.verifyCmd, Hidden: append(c.Credentials(), f.newKeyEnv), Out: c.Err}
	if f.all || f.several {
		command.Out = &childproc.PrefixWriter{Out: c.Err, Prefix: provider + ": "} // several commands may be talking
	}
	return command.Run(ctx, keys, map[string]string{childproc.VariableProvider: provider, childproc.VariableKey: keys[f.field]})
}

// target is the provider, given as the flag or as the argument.
func (f *rotateFlags) target(args []string) (string, error) {
	switch {
	case len(args) == 0 && f.provider == "":
		return "", exitcode.UsageErrorf("no provider: name it, as the argument or with --provider")
	case len(args) == 0:
		return f.provider, nil
	case f.provider != "" && f.provider != args[0]:
		return "", exitcode.UsageErrorf("--provider and the argument name two providers")
	}
	return args[0], nil
}

// source is where the new key comes from.
func (c *cli) source(ctx context.Context, f *rotateFlags) (vaultkit.Source, error) {
	if f.auto {
		return vaultkit.RandomKey(f.field), nil
	}
	if len(f.set) > 0 {
		return c.setSource(ctx, f)
	}
	key, err := c.newKey(ctx, f)
	if err != nil {
		return nil, err
	}
	return vaultkit.NewFields(map[string]any{f.field: key}), nil
}

// setSource replaces several fields at once.
func (c *cli) setSource(ctx context.Context, f *rotateFlags) (vaultkit.Source, error) {
	keys, err := flagtype.SecretReader{IO: c.IO, AllowControl: f.allowControl}.Fields(ctx, f.set)
	if err != nil {
		return nil, err
	}
	fields := make(map[string]any, len(keys))
	for name, value := range keys {
		fields[name] = value
	}
	return vaultkit.NewFields(fields), nil
}

func (c *cli) newKey(ctx context.Context, f *rotateFlags) (string, error) {
	const what = "the new key"
	secret := flagtype.SecretReader{IO: c.IO, AllowControl: f.allowControl}
	switch {
	case f.newKeyIsHere:
		secret.WarnVisible("--new-key", "--new-key-file, --new-key-stdin or --new-key-env")
		return f.newKey, secret.Check(what, f.newKey)
	case f.newKeyStdin:
		return secret.Stdin(ctx, what, "New key")
	case f.newKeyFile != "":
		return secret.File(ctx, what, f.newKeyFile)
	}
	return secret.Variable(what, f.newKeyEnv)
}
