// Package importkeys implements vaultkit import, which stores the keys of a file or of another
// path in Vault.
package importkeys

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/envreader"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flaggroup"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
	"goblin/vaultkit/envfile"
)

const long = `Store the keys of a .env file, a JSON object, or another path in Vault: one secret for
each provider. import reads everything first and shows what it would do, but no values.
On a terminal it asks before it writes; elsewhere it needs --yes.

OPENAI_GPT4_API_KEY becomes the field api_key of openai-gpt4: these are the names that
vaultkit env writes. If a provider has an API key in the file, or is in Vault already,
its other variables are fields too: OPENAI_GPT4_ORGANIZATION becomes organization. All
other variables, such as DATABASE_URL, are listed and left out, unless --map names their
place.

The sources:
  .env file    NAME=value with quotes, comments and export, or what vaultkit env writes.
               Variables in a value ($HOME, ${A}) are not replaced: such a value is
               refused, except in single quotes, where it is text
  JSON         {"NAME": "value"}, or {"openai-gpt4": {"api_key": "value"}}
  -            one of these, from standard input
  --from-path  the secrets below a path of KV version 1 or 2, or the variables of the one
               secret there; the name of a secret is the provider's name

import only creates. A provider that already has the same values is unchanged. One with
other values is a conflict: by default, import then writes nothing and exits with 5.
If one provider fails, the others continue; the summary has the outcome of each, and the
exit code is that of the first failure, or 8 if any outcome is undetermined. To import
the rest, run the same import again.

Creating needs the policy of a provisioner. To see what already exists, the token needs
that of a reader too; without it, a conflict is found only when its provider is written.
--on-conflict rotate needs that of a rotator, and --from-path the capabilities list and
read at that path.`

// The values of --on-conflict and --unmapped.
const (
	conflictFail, conflictSkip, conflictRotate = "fail", "skip", "rotate"
	unmappedSkip, unmappedFail                 = "skip", "fail"
)

// Options are the arguments and flags of the command.
type Options struct {
	command.Deps
	Attribution  flagtype.Attribution
	File         string // -: standard input; empty: FromPath is set
	FromPath     string
	Format       string
	Prefix       string
	Map          []string
	Unmapped     string
	OnConflict   string
	AllowControl bool
	AllowAnyName bool
	DryRun, Yes  bool

	places map[string]place // of Map
}

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "import FILE|--from-path PATH",
		Short: "Store the keys of a .env file, a JSON file or another path",
		Long:  long,
		Example: "  vaultkit import .env --dry-run\n" +
			"  vaultkit import .env --map HF_TOKEN=huggingface/api_key\n" +
			"  vaultkit import --from-path secret/old/providers --on-conflict skip --yes",
		Args: usage.Between(0, 1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.File = args[0]
			}
			if err := o.parse(); err != nil {
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
	flags.StringVar(&o.FromPath, "from-path", "",
		"`path` in Vault to import from, with its mount, such as secret/old/providers (default: none)")
	flags.StringVar(&o.Format, "format", string(envreader.Auto), "`name` of the file's format: "+strings.Join(envreader.Formats(), ", "))
	flags.StringVar(&o.Prefix, "prefix", "",
		"`text` before each variable name, such as APP_; variables without it are left out (default: none)")
	flags.StringArrayVar(&o.Map, "map", nil,
		"where a variable belongs: `NAME=PROVIDER/FIELD`; NAME= leaves it out; a name may also be ENTRY/FIELD, for JSON and --from-path; "+
			"may be repeated (default: none)")
	flags.StringVar(&o.Unmapped, "unmapped", unmappedSkip,
		"`what` to do with variables that belong to no provider: skip, or fail and write nothing")
	flags.StringVar(&o.OnConflict, "on-conflict", conflictFail,
		"`what` to do with providers that have other values: fail and write nothing, skip them, or rotate them, with a backup and an audit record")
	flags.BoolVar(&o.AllowControl, "allow-control", false, flagtype.AllowControlHelp)
	flags.BoolVar(&o.AllowAnyName, "allow-any-name", false,
		"import secrets even if env and exec need --prefix to turn a field into a variable")
	flags.BoolVar(&o.DryRun, "dry-run", false, "check everything and show what would be done, but write nothing")
	flags.BoolVar(&o.Yes, "yes", false, "do not ask for confirmation")
	o.Attribution.AddFlags(cmd)
	flaggroup.Set(flags, "Audit record of --on-conflict rotate", "actor", "reason")
	for name, words := range map[string][]string{
		"format": envreader.Formats(), "unmapped": {unmappedSkip, unmappedFail}, "on-conflict": {conflictFail, conflictSkip, conflictRotate},
	} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
}

// parse refuses contradictions and reads --map.
func (o *Options) parse() (err error) {
	switch {
	case (o.File == "") == (o.FromPath == ""):
		return exitcode.UsageErrorf("give a FILE, - for standard input, or --from-path")
	case !slices.Contains(envreader.Formats(), o.Format):
		return exitcode.UsageErrorf("--format must be one of %s", strings.Join(envreader.Formats(), ", "))
	case o.Unmapped != unmappedSkip && o.Unmapped != unmappedFail:
		return exitcode.UsageErrorf("--unmapped must be skip or fail")
	case o.OnConflict != conflictFail && o.OnConflict != conflictSkip && o.OnConflict != conflictRotate:
		return exitcode.UsageErrorf("--on-conflict must be fail, skip or rotate")
	case (o.FromPath != "" || o.File == "-") && o.confirmable() != nil:
		return o.confirmable()
	}
	if _, err := envfile.Name(o.Prefix, "provider", "api_key"); err != nil {
		return exitcode.UsageErrorf("--prefix must be letters, digits and _, and not begin with a digit")
	}
	o.places, err = parsePlaces(o.Map)
	return err
}

// confirmable returns an error if import would have to ask, and cannot. For a file, it is checked after
// the file was read: what is wrong with the file is more important.
func (o *Options) confirmable() error {
	if o.Yes || o.DryRun || o.IO.CanAsk() && o.File != "-" {
		return nil
	}
	return exitcode.UsageErrorf("import writes to Vault: to confirm, add --yes; to see what it would do, add --dry-run")
}
