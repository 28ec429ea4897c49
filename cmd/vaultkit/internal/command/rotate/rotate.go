// Package rotate implements vaultkit rotate, which replaces keys, of one provider or of
// many.
package rotate

import (
	"cmp"
	"context"
	"sync"

	"github.com/spf13/cobra"

	"goblin/vaultkit/cmd/vaultkit/internal/childproc"
	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flaggroup"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
)

// defaultWorkers is how many providers are rotated at once without --parallel.
const defaultWorkers = 8

const long = `Replace a field of a provider's secret, or several with --set; other fields do not
change. rotate first backs up the current secret, then writes the new one only if the
secret has not changed in between, then writes an audit record. It refuses a field that
the secret does not have, unless --add-field is given.

After a crash, run the same rotation again to finish it. With --auto every run makes
another key: after exit code 8, run vaultkit recover first.

--verify tries the new key at the provider's API before anything is written, with
requests that cost nothing. If the API rejects the key, or if its response does not
tell whether the key works, the rotation stops and nothing changes. In the second
case, --verify-unknown=warn continues. A provider may need some seconds until it
accepts a new key, so a rejected key is tried again for 10s.

--verify-cmd is a shell command that tries the new key before anything is written. If
its exit status is not 0, the rotation stops and nothing changes. The command gets the
variables VAULTKIT_PROVIDER, VAULTKIT_KEY (the new key) and VAULTKIT_FIELD_<NAME> (the
value of a field), one for each field of the secret.
` + childproc.Help + `

With --auto, rotate takes several providers or --all; each gets its own new key. If one
fails, the others continue. The exit code is that of the first failure, or 8 if any
outcome is undetermined. --json prints an array of {provider, rotation, error,
exit_code}.

One newline at the end of a file or pipe is dropped. rotate refuses control and
invisible characters in a key unless --allow-control is given.`

// Options are the arguments and flags of the command.
type Options struct {
	command.Deps
	Attribution flagtype.Attribution
	Providers   []string
	provider    string // of the flag
	All, Yes    bool
	Parallel    int

	// The new key comes from one of these.
	NewKey                string
	NewKeyGiven           bool // NewKey may be empty
	NewKeyFile, NewKeyEnv string
	NewKeyStdin, Auto     bool
	Set                   []string

	Field        string
	AddField     bool
	AllowControl bool
	AllowRevoked bool
	ExpiresIn    flagtype.Duration
	DryRun       bool

	API           string // at which the new key is tried: the name of a verifier, or a base URL
	TryAPI        bool   // API is given
	VerifyUnknown string // unknownFails or unknownWarns
	VerifyCommand string
	TryCommand    bool     // VerifyCommand is given
	unverified    sync.Map // from a provider to why nobody can tell whether its new key works
}

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "rotate PROVIDER...|--provider PROVIDER|--all",
		Short: "Replace a key, with a backup and an audit record",
		Long:  long,
		Example: "  vaultkit rotate openai-gpt4 --new-key-file new-key.txt --reason quarterly --expires-in 90d\n" +
			"  ./issue-key.sh | vaultkit rotate --provider openai-gpt4 --new-key-stdin\n" +
			"  vaultkit rotate openai-gpt4 --new-key-env NEW_KEY --verify openai\n" +
			"  vaultkit rotate openai-gpt4 --new-key-env NEW_KEY --dry-run --verify-cmd ./try-key.sh\n" +
			"  vaultkit rotate local-llama local-whisper --auto",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.NewKeyGiven = cmd.Flags().Changed("new-key")
			if err := cmp.Or(o.parseVerify(cmd), o.parse(args)); err != nil {
				return err
			}
			o.Attribution.Complete(cmd)
			return run(cmd.Context(), o)
		},
	}
	o.addFlags(cmd)
	return cmd
}

func (o *Options) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.provider, "provider", "", "`name` of the provider (default: the argument)")
	flags.StringVar(&o.NewKey, "new-key", "", "the new `key` itself; other users of this machine can see it while the command runs")
	flags.StringVar(&o.NewKeyFile, "new-key-file", "", "`file` with the new key")
	flags.BoolVar(&o.NewKeyStdin, "new-key-stdin", false,
		"read the new key from standard input; on a terminal, vaultkit asks for it and does not show it")
	flags.StringVar(&o.NewKeyEnv, "new-key-env", "", "`name` of the environment variable with the new key")
	flags.StringArrayVar(&o.Set, "set", nil,
		"a field and where its new value comes from, as in vaultkit put: `FIELD=@file`, FIELD=- or FIELD=value; "+
			"may be repeated to replace several fields at once")
	flags.BoolVar(&o.AllowControl, "allow-control", false, flagtype.AllowControlHelp)
	flags.BoolVar(&o.Auto, "auto", false, "make a random key, for development: the provider's API does not know it")
	flags.StringVar(&o.Field, "field", "api_key",
		"`name` of the field to replace; with --set, of the field that --verify tries and the verify command gets as VAULTKIT_KEY")
	flags.BoolVar(&o.AddField, "add-field", false,
		"add fields that the secret does not have; without this flag they are refused, because the name may be misspelled")
	flags.BoolVar(&o.AllowRevoked, "allow-revoked", false, "accept a new key even if its revocation has started or is done")
	o.addVerifyFlags(cmd)
	flags.Var(&o.ExpiresIn, "expires-in",
		"`time` from now until the new key expires, such as 90d, 2w or 12h; only recorded, for vaultkit status (default: none)")
	flags.BoolVar(&o.DryRun, "dry-run", false, "check everything and show what would be written where, but write nothing")
	flags.BoolVar(&o.All, "all", false, "rotate every provider; needs --auto, and asks for confirmation")
	flags.BoolVar(&o.Yes, "yes", false, "with --all, do not ask for confirmation")
	flags.IntVar(&o.Parallel, "parallel", defaultWorkers, "`number` of providers to rotate at once")
	o.Attribution.AddFlags(cmd)
	sources := []string{"new-key", "new-key-file", "new-key-stdin", "new-key-env", "set", "auto"}
	cmd.MarkFlagsMutuallyExclusive(sources...)
	flaggroup.Set(flags, "New key, one of these is required", sources...)
	flaggroup.Set(flags, "Several providers", "all", "yes", "parallel")
	flaggroup.Set(flags, "Audit record", "expires-in", "actor", "reason")
	cmd.MarkFlagsOneRequired(sources...)
}

// parse takes the providers from the arguments or the flag, and refuses contradictions.
func (o *Options) parse(args []string) error {
	o.Providers = args
	switch {
	case o.many():
		return o.checkMany()
	case len(args) == 0 && o.provider == "":
		return exitcode.UsageErrorf("no provider: give its name as an argument or with --provider")
	case len(args) == 0:
		o.Providers = []string{o.provider}
	case o.provider != "" && o.provider != args[0]:
		return exitcode.UsageErrorf("--provider and the argument name different providers: give only one of them")
	}
	return nil
}

// many reports whether several providers, or all of them, are rotated.
func (o *Options) many() bool { return o.All || len(o.Providers) > 1 }

func (o *Options) checkMany() error {
	switch {
	case !o.Auto:
		return exitcode.UsageErrorf("several providers need --auto, which makes a new key for each of them")
	case o.All && (len(o.Providers) > 0 || o.provider != ""):
		return exitcode.UsageErrorf("--all means every provider: do not name providers too")
	case o.provider != "":
		return exitcode.UsageErrorf("name several providers as arguments, without --provider")
	case o.All && !o.Yes && !o.DryRun && !o.IO.CanAsk():
		return exitcode.UsageErrorf("--all replaces the key of every provider: to confirm, add --yes")
	case o.Parallel < 1:
		return exitcode.UsageErrorf("--parallel must be at least 1")
	}
	return nil
}
