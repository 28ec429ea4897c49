//go:build unix

package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"

	"goblin/vaultkit/internal/logbuffer"
	"goblin/vaultkit/internal/vaulttest"
)

// daemon is the program in the background of a script.
type daemon struct {
	cmd   *exec.Cmd
	out   io.Reader
	shown strings.Builder // what was read from out
	errs  logbuffer.Buffer
}

// start runs the program in the background, until interrupt.
func (s *script) start(args []string) {
	d := &daemon{cmd: exec.CommandContext(s.t.Context(), s.program, args...)}
	d.cmd.Dir, d.cmd.Stderr = s.MkAbs("."), &d.errs
	for _, name := range []string{"HOME", "PATH", "TMPDIR", "VAULTKIT_VAULT_BIN"} {
		d.cmd.Env = append(d.cmd.Env, name+"="+s.Getenv(name))
	}
	out, err := d.cmd.StdoutPipe()
	s.Check(err)
	d.out = io.TeeReader(out, &d.shown)
	s.Check(d.cmd.Start())
	s.daemon = d
	s.t.Cleanup(func() {
		if d.cmd.ProcessState == nil {
			_, _ = d.cmd.Process.Kill(), d.cmd.Wait()
			s.t.Errorf("vaultkit %s still runs at the end of the script, want an interrupt before", strings.Join(args, " "))
		}
	})
}

// exports waits for the two export lines of dev, and sets the script's environment. The
// other settings are the defaults.
func (s *script) exports([]string) {
	s.Setenv("VAULT_TOKEN", "")
	lines := bufio.NewScanner(s.daemon.out)
	for s.Getenv("VAULT_TOKEN") == "" && lines.Scan() {
		if variable, ok := strings.CutPrefix(lines.Text(), "export "); ok {
			name, value, _ := strings.Cut(variable, "=")
			s.Setenv(name, value)
		}
	}
	s.Setenv("VAULTKIT_BASE", "")
	s.Setenv("VAULTKIT_TOKEN_FILE", "")
	s.address, s.root, s.base = s.Getenv("VAULT_ADDR"), s.Getenv("VAULT_TOKEN"), vaulttest.Base
	s.secrets = append(s.secrets, s.root)
}

// interrupt sends Ctrl-C, and waits until the program exits with 0.
func (s *script) interrupt([]string) {
	s.Check(s.daemon.cmd.Process.Signal(os.Interrupt))
	_, err := io.Copy(io.Discard, s.daemon.out)
	s.Check(err)
	if err := s.daemon.cmd.Wait(); err != nil {
		s.Fatalf("vaultkit %s after Ctrl-C = %v, want success\n%s", strings.Join(s.daemon.cmd.Args[1:], " "), err, s.daemon.errs.String())
	}
	_, _ = io.WriteString(s.Stdout(), s.daemon.shown.String())
	_, _ = io.WriteString(s.Stderr(), s.daemon.errs.String())
}
