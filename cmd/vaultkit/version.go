package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"

	"github.com/spf13/cobra"
)

// build is what the binary knows about itself.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"` // of the source; empty outside a checkout
	Time     string `json:"time"`     // of that revision
	Modified bool   `json:"modified"` // the checkout had changes
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print what this binary was built from",
		Long:    "Print what this binary was built from. No Vault is needed.",
		Example: "  vaultkit version\n  vaultkit version --json",
		Args:    usage.None,
		RunE:    func(*cobra.Command, []string) error { return c.version() },
	}
}

// version is what the command and the flag print.
func (c *cli) version() error {
	b := readBuild()
	if c.JSON {
		return c.Value(b)
	}
	if _, err := fmt.Fprintf(c.Out, "vaultkit %s\n", b.Version); err != nil {
		return err
	}
	t := terminal.NewTable(c.Out, "  ")
	t.Optional("revision", b.revision())
	t.Optional("from", b.Time)
	t.Row("built with", b.Go)
	t.Row("for", b.Platform)
	return t.Flush()
}

func readBuild() build {
	b := build{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
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

func (b build) revision() string {
	if b.Revision != "" && b.Modified {
		return b.Revision + ", with changes"
	}
	return b.Revision
}
