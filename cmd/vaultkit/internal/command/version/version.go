// Package version implements vaultkit version, which prints what the program was built
// from.
package version

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"

	"github.com/spf13/cobra"
)

// Build is what the binary knows about its own build.
type Build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"` // of the source; empty outside a checkout
	Time     string `json:"time"`     // of that revision
	Modified bool   `json:"modified"` // the checkout had changes
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Options are the arguments and flags of the command.
type Options struct{ command.Deps }

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print what this binary was built from",
		Long:    "Print what this binary was built from. The command does not connect to Vault.",
		Example: "  vaultkit version\n  vaultkit version --json",
		Args:    usage.None,
		RunE:    func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), &Options{deps}) },
	}
}

// Run prints what the command and the flag --version print.
func Run(_ context.Context, o *Options) error {
	b := readBuild()
	if o.Print.JSON {
		return o.Print.Value(b)
	}
	if _, err := fmt.Fprintf(o.IO.Out, "vaultkit %s\n", b.Version); err != nil {
		return err
	}
	t := o.Print.Table("  ")
	t.Optional("revision", b.revision())
	t.Optional("from", b.Time)
	t.Row("built with", b.Go)
	t.Row("for", b.Platform)
	return t.Flush()
}

func readBuild() Build {
	b := Build{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Version = cmp.Or(info.Main.Version, b.Version)
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (b Build) revision() string {
	if b.Revision != "" && b.Modified {
		return b.Revision + ", with changes"
	}
	return b.Revision
}
