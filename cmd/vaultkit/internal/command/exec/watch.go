package exec

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flaggroup"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/envfile"
)

// Watch holds --watch and the flags that belong to it.
type Watch struct {
	On                     bool
	Grace, Splay, Interval flagtype.Duration
	RestartOnFailure       bool
	Out                    string // empty: the keys are in the environment
	Format                 envfile.Format
	Signal                 string
}

const (
	defaultGrace    = 10 * time.Second
	defaultInterval = 30 * time.Second // the library's
	leastInterval   = time.Second      // the library's
)

// signals are the values of --signal.
var signals = []string{"HUP", "INT", "QUIT", "USR1", "USR2", "WINCH"}

// formats returns the formats of files that are replaced as a whole.
func formats() (names []string) {
	for _, format := range envfile.Formats() {
		if format != envfile.GitHub {
			names = append(names, string(format))
		}
	}
	return names
}

func (w *Watch) addFlags(flags *pflag.FlagSet) {
	w.Grace, w.Interval = flagtype.Duration(defaultGrace), flagtype.Duration(defaultInterval)
	flags.BoolVar(&w.On, "watch", false, "restart the command when a value changes")
	flags.VarP(&w.Grace, "grace", "", "`time` from SIGTERM to SIGKILL")
	flags.VarP(&w.Splay, "splay", "", "longest `time` before a restart; it is random, so that a fleet does not restart at once (default: none)")
	flags.VarP(&w.Interval, "interval", "", "longest `time` between two looks at a key; at least 1s")
	flags.BoolVar(&w.RestartOnFailure, "restart-on-failure", false,
		"restart a command that fails, after a pause that grows from 1s to 1m")
	flags.StringVar(&w.Out, "out", "", "`file` to write the keys to, as vaultkit env does; needs --signal (default: none)")
	flags.StringVar((*string)(&w.Format), "format", string(envfile.Sh), "`name` of the file's format: "+strings.Join(formats(), ", "))
	flags.StringVar(&w.Signal, "signal", "", "`name` of the signal that has the command read the file again, such as HUP (default: none)")
	flaggroup.Set(flags, "Watching", w.names()...)
}

func (w *Watch) names() []string {
	return []string{"watch", "grace", "splay", "interval", "restart-on-failure", "out", "format", "signal"}
}

// check refuses flags that do not belong together.
func (w *Watch) check(flags *pflag.FlagSet, pristine bool) error {
	for _, name := range w.names() {
		if !w.On && flags.Changed(name) {
			return exitcode.UsageErrorf("--%s needs --watch", name)
		}
	}
	w.Signal = strings.TrimPrefix(strings.ToUpper(w.Signal), "SIG")
	switch {
	case time.Duration(w.Interval) < leastInterval:
		return exitcode.UsageErrorf("--interval must be at least %v", leastInterval)
	case (w.Out == "") != (w.Signal == ""):
		return exitcode.UsageErrorf("--out and --signal need each other")
	case w.Out == "" && flags.Changed("format"):
		return exitcode.UsageErrorf("--format needs --out")
	case w.Signal != "" && !slices.Contains(signals, w.Signal):
		return exitcode.UsageErrorf("--signal must be one of %s", strings.Join(signals, ", "))
	case !slices.Contains(formats(), string(w.Format)):
		return exitcode.UsageErrorf("--format must be one of %s", strings.Join(formats(), ", "))
	case w.Out == "-":
		return exitcode.UsageErrorf("--out must be a file: the output is the command's")
	case w.Out != "" && pristine:
		return exitcode.UsageErrorf("--pristine and --out contradict each other: with --out, the command gets no provider's variables")
	}
	return nil
}
