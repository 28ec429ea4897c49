package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"goblin/vaultkit/internal/logbuffer"
	"goblin/vaultkit/internal/vaulttest"
)

// shellOnTerminal is a shell with job control on a terminal, to which a person types.
type shellOnTerminal struct {
	person *os.File
	screen *logbuffer.Buffer
	pid    int // of the shell
	read   int // what of the screen was awaited
}

// The shells with job control that the tests use. dash continues a job that runs already, bash
// does not.
var jobShells = map[string][]string{"sh": {"sh", "-i"}, "bash": {"bash", "--norc", "--noediting", "-i"}}

// newShellOnTerminal starts a shell in which $RUN is vaultkit exec --watch for a provider.
func newShellOnTerminal(t *testing.T, shell []string, provider string) *shellOnTerminal {
	t.Helper()
	run := slices.Concat([]string{program(t), "exec", "--watch", "--interval", "1s", provider}, connect(t, vaulttest.Server().RootToken()))
	person, program, screen, ended := openTerminal(t)
	cmd := exec.CommandContext(t.Context(), shell[0], shell[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	cmd.Env = append(os.Environ(), "RUN="+strings.Join(run, " "), "PS1=prompt> ", "PS2=", "TERM=dumb", "HISTFILE=", "ENV=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cmd.Start() = %v, want no error", err)
	}
	_ = program.Close()
	s := &shellOnTerminal{person: person, screen: screen, pid: cmd.Process.Pid}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the terminal shows:\n%s", screen.String())
		}
		s.types(t, "\x03\nkill -KILL %1; exit 0\n")
		_ = cmd.Wait()
		<-ended
		_ = person.Close()
	})
	s.shows(t, "prompt> ")
	return s
}

// types types a text. Ctrl-Z is \x1a, Ctrl-C \x03.
func (s *shellOnTerminal) types(t *testing.T, text string) {
	t.Helper()
	if _, err := s.person.WriteString(text); err != nil {
		t.Fatalf("person.WriteString() = %v, want no error", err)
	}
}

// shows waits until the terminal shows a text after what was awaited before.
func (s *shellOnTerminal) shows(t *testing.T, text string) {
	t.Helper()
	vaulttest.Eventually(t, fmt.Sprintf("the terminal shows %q", text), func() bool {
		shown := s.screen.String()
		at := strings.Index(shown[s.read:], text)
		if at >= 0 {
			s.read += at + len(text)
		}
		return at >= 0
	})
}

// leavesForeground waits until another process group than the shell's is in the foreground.
func (s *shellOnTerminal) leavesForeground(t *testing.T) {
	t.Helper()
	vaulttest.Eventually(t, "the shell gives the terminal to its job", func() bool {
		var group uint32
		ioctl(t, s.person, syscall.TIOCGPGRP, &group)
		return int(group) != s.pid
	})
}

// onEachShell runs a test with each shell.
func onEachShell(t *testing.T, test func(*testing.T, *shellOnTerminal, execTest)) {
	t.Parallel()
	for name, shell := range jobShells {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			provider, key := stored(t)
			test(t, newShellOnTerminal(t, shell, provider), execTest{provider: provider, key: key, variable: variableOf(provider)})
		})
	}
}

// On a terminal, the child is in the foreground: it reads, gets Ctrl-C and Ctrl-Z, and
// continues with fg and bg, also after a restart. Each step waits for what the terminal
// shows.
func TestExecWatch_Terminal(t *testing.T) { onEachShell(t, watchOnTerminal) }

func watchOnTerminal(t *testing.T, s *shellOnTerminal, e execTest) {
	script := file(t, e.script(`set -- $(cat /proc/$$/stat); test $5 = $8 && where=foreground
		echo "<start $KEY $where>"; while read line; do echo "<read $line>"; done`))
	s.types(t, "$RUN -- sh "+script+"\n")
	s.shows(t, "<start "+e.key+" foreground>")
	s.types(t, "one\n")
	s.shows(t, "<read one>")

	s.types(t, "\x1a") // Ctrl-Z stops vaultkit too, and the shell prompts
	s.shows(t, "Stopped")
	s.shows(t, "prompt> ")
	s.types(t, "echo shell $((1+1))\n")
	s.shows(t, "shell 2\r\n")
	s.types(t, "fg\n")
	s.types(t, "two\n")
	s.shows(t, "<read two>")

	s.types(t, "\x1a")
	s.shows(t, "Stopped")
	s.shows(t, "prompt> ")
	s.types(t, "bg\n") // the child reads, so it stops again
	vaulttest.Eventually(t, "the shell reports the stop", func() bool {
		s.types(t, "\n")
		return strings.Contains(s.screen.String()[s.read:], "Stopped")
	})
	s.types(t, "fg\n")
	s.types(t, "three\n")
	s.shows(t, "<read three>")

	s.shows(t, "<start "+e.rotate(t)+" foreground>")
	s.types(t, "four\n")
	s.shows(t, "<read four>")

	s.types(t, "\x03")
	s.shows(t, "prompt> ")
	s.types(t, "echo code $?\n")
	s.shows(t, "code 130\r\n")
	s.types(t, "stty -a | head -1; echo the terminal is back\n") // a shell in the background could not
	s.shows(t, "the terminal is back\r\n")
}

// Without a shell that could continue it, vaultkit cannot be stopped by Ctrl-Z.
func TestExecWatch_TerminalWithoutAShell(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	e := execTest{binary: program(t), provider: provider}
	person, program, screen, ended := openTerminal(t)
	cmd := e.command(t, "--watch", "--", "sh", "-c", `echo "<start>"; while read line; do echo "<read $line>"; done`)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cmd.Start() = %v, want no error", err)
	}
	_ = program.Close()
	s := &shellOnTerminal{person: person, screen: screen}
	s.shows(t, "<start>")
	for _, line := range []string{"one", "two"} {
		s.types(t, "\x1a")
		s.shows(t, "^Z")
		s.types(t, line+"\n")
		s.shows(t, "<read "+line+">")
	}
	s.types(t, "\x03")
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("vaultkit exec --watch after Ctrl-C ends with %v, want exit code 130", cmd.ProcessState)
	}
	<-ended
	_ = person.Close()
}

// A child inherits no ignored signal from vaultkit, and the modes of the terminal are
// restored after one that is killed.
func TestExecWatch_TerminalIsLeftAsItWas(t *testing.T) { onEachShell(t, watchLeavesTerminal) }

func watchLeavesTerminal(t *testing.T, s *shellOnTerminal, _ execTest) {
	s.types(t, "stty tostop; $RUN -- sh -c 'grep SigIgn /proc/$$/status; stty -echo -icanon; kill -KILL $$'; echo code $?; stty -a\n")
	s.shows(t, "SigIgn:\t0000000000000000\r\n")
	s.shows(t, "code 137\r\n")
	s.shows(t, " icanon")
	s.shows(t, " echo ")
}

// A child that was started in the background reads after fg. A restart sets the modes of the
// terminal as they were when the child got it, not those of the prompt.
func TestExecWatch_TerminalComesLater(t *testing.T) { onEachShell(t, watchFromBackground) }

func watchFromBackground(t *testing.T, s *shellOnTerminal, e execTest) {
	moved := filepath.Join(t.TempDir(), "moved")
	script := file(t, e.script(`echo "<start $KEY $(stty -a | tr ' ' '\n' | grep icanon)>"; until test -e `+moved+`; do sleep 0.02; done
		stty -icanon; echo "<ready>"; while read line; do echo "<read $line>"; done`))
	s.types(t, "stty -icanon; $RUN -- sh "+script+" &\n")
	s.shows(t, "<start "+e.key+" -icanon>")
	s.types(t, "stty icanon; echo $((1+1)) modes\n")
	s.shows(t, "2 modes\r\n")
	s.types(t, "fg\n")
	s.leavesForeground(t)
	if err := os.WriteFile(moved, nil, 0o600); err != nil {
		t.Fatalf("os.WriteFile() = %v, want no error", err)
	}
	s.shows(t, "<ready>")
	s.types(t, "one\n")
	s.shows(t, "<read one>")
	s.shows(t, "<start "+e.rotate(t)+" icanon>")
	s.shows(t, "<ready>")
	s.types(t, "two\n")
	s.shows(t, "<read two>")
	s.types(t, "\x03")
	s.shows(t, "prompt> ")
}
