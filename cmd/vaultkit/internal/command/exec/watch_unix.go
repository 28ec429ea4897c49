//go:build unix

package exec

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/childproc"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/supervise"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// watch runs the command until it ends, with the newest keys.
func watch(ctx context.Context, o *Options, path string) error {
	supervise.Protect()
	warnWithoutInit(o.IO, os.Getpid())
	signals := supervise.CatchSignals()
	release := sync.OnceFunc(signals.Close)
	defer release()
	k := newKeys(o)
	code := 0
	err := o.Vault.Stay(ctx, k.first, func(*vaultkit.Client) (err error) {
		defer release() // Ctrl-C ends a slow logout
		code, err = k.run(ctx, path, signals)
		return err
	}, vaultkit.WithPollInterval(time.Duration(o.Watch.Interval)))
	if err != nil {
		return err
	}
	return &exitcode.PassedOn{Code: code}
}

// warnWithoutInit warns if this program is process 1, which should wait for all processes that
// lose their parent. vaultkit waits for its command alone.
func warnWithoutInit(io *terminal.IO, pid int) {
	if pid == 1 {
		io.Warn("vaultkit is process 1, and does not wait for processes that lose their parent: " +
			"run the container with an init, as docker run --init does")
	}
}

// run runs the command with the variables that first has read.
func (k *keys) run(ctx context.Context, path string, signals *supervise.Signals) (code int, err error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	command := supervise.NewCommand(path, k.o.Command)
	defer command.Close()
	s := supervise.New(k.config(), command)
	signals.Forward(s)
	// A signal cancels ctx, too. From now on, the supervisor decides what it means.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer k.following.Wait()
	defer cancel()
	k.watchAll(ctx, s.Notice)
	return s.Run(ctx, k.variables)
}

func (k *keys) config() supervise.Config {
	o := k.o
	config := supervise.Config{
		Grace: time.Duration(o.Watch.Grace), Splay: time.Duration(o.Watch.Splay), RestartOnFailure: o.Watch.RestartOnFailure,
		Read: k.read, Base: k.environment, Say: func(format string, args ...any) {
			fmt.Fprintln(o.IO.Err, "vaultkit: "+terminal.Printable(fmt.Sprintf(format, args...)))
		},
	}
	if o.Watch.Out != "" {
		config.Deliver, config.Signal = k.write, supervise.ByName[o.Watch.Signal]
	}
	return config
}

// environment returns the environment of the command. If the keys are in a file, it has
// no variable of theirs: many programs prefer a variable to the file.
func (k *keys) environment(variables []string) []string {
	hidden := k.o.Vault.Credentials()
	switch {
	case k.o.Pristine:
		return variables
	case k.o.Watch.Out != "":
		return childproc.Environment(os.Environ(), append(hidden, childproc.Names(variables)...), nil)
	}
	return childproc.Environment(os.Environ(), hidden, variables)
}
