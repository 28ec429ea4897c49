package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/internal/logbuffer"
	"goblin/vaultkit/internal/vaulttest"
)

// openTerminal opens a terminal, and collects what it shows.
func openTerminal(t testing.TB) (person, program *os.File, shown *logbuffer.Buffer, ended <-chan struct{}) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatalf("os.OpenFile() = %v, want no error", err)
	}
	var locked, number uint32
	ioctl(t, person, syscall.TIOCSPTLCK, &locked)
	ioctl(t, person, syscall.TIOCGPTN, &number)
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatalf("os.OpenFile() = %v, want no error", err)
	}
	shown, done := &logbuffer.Buffer{}, make(chan struct{})
	go func() {
		_, _ = io.Copy(shown, person) // ends with an error when the program's side is closed
		close(done)
	}()
	return person, program, shown, done
}

func ioctl(t testing.TB, terminal *os.File, request uintptr, value *uint32) {
	t.Helper()
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, terminal.Fd(), request, uintptr(unsafe.Pointer(value))); errno != 0 {
		t.Fatalf("ioctl(%d) = %v, want no error", request, errno)
	}
}

// onTerminal runs the CLI with its stderr on a terminal, and its stdout there too or in a
// pipe. It returns what the terminal shows and what the pipe gets.
func onTerminal(ctx context.Context, t testing.TB, piped bool, args ...string) (code int, shown, out string) {
	t.Helper()
	person, program, screen, ended := openTerminal(t)
	var pipe strings.Builder
	std := terminal.Streams{In: strings.NewReader(""), Out: program, Err: program}
	if piped {
		std.Out = &pipe
	}
	code = run(ctx, append(args, connect(t, vaulttest.Server().RootToken())...), std)
	_ = program.Close()
	<-ended
	_ = person.Close()
	return code, screen.String(), pipe.String()
}

// seen returns the lines that a terminal shows after the text was written to it.
func seen(text string) []string {
	var lines []string
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		var cells []rune
		column := 0
		for _, r := range line {
			if r == '\r' {
				column = 0
				continue
			}
			cells = append(cells[:min(column, len(cells))], append([]rune{r}, cells[min(column+1, len(cells)):]...)...)
			column++
		}
		lines = append(lines, strings.TrimRight(string(cells), " "))
	}
	return lines
}

func TestProgress(t *testing.T) {
	t.Setenv("TERM", "xterm")
	providers, base := several(t, 3), vaulttest.Name(t)
	for _, name := range providers {
		vk(t, newKey(), "put", name, "api_key=-", "--base", base).ok(t)
	}
	for _, tc := range []struct{ what, command string }{
		{"rotating", "rotate --auto"}, {"reading", "status"},
		{"reading", "status --base " + base},
	} {
		args := strings.Fields(tc.command)
		if !strings.Contains(tc.command, "--base") {
			args = append(args, providers...)
		}
		code, shown, out := onTerminal(t.Context(), t, true, args...)
		if code != exitcode.OK || strings.Count(out, "\n") < 3 || strings.Contains(out, "\r") {
			t.Errorf("vaultkit %s: exit code = %d, prints %q, want %d and 3 lines without a progress bar", tc.command, code, out, exitcode.OK)
		}
		has(t, "vaultkit "+tc.command+": terminal", shown, tc.what, "0/3")
		if left := strings.Join(seen(shown), "\n"); left != "" {
			t.Errorf("vaultkit %s leaves %q on the terminal, want nothing", tc.command, left)
		}
		if strings.Contains(shown, "\x1b") {
			t.Errorf("vaultkit %s: the terminal shows %q, want no escape sequences", tc.command, shown)
		}

		_, shown, out = onTerminal(t.Context(), t, true, append(args, "--json")...)
		has(t, "vaultkit "+tc.command+" --json: terminal", shown, tc.what)
		decode[[]map[string]any](t, out, true)
	}
}

// If both streams are the same terminal, the progress bar leaves nothing between lines.
func TestProgress_LeavesNoTraceAmongLines(t *testing.T) {
	t.Setenv("TERM", "xterm")
	providers := several(t, 2)
	nobody := vaulttest.Name(t)
	code, shown, _ := onTerminal(t.Context(), t, false, "rotate", "--auto", providers[0], nobody, providers[1])
	lines := seen(shown)
	if code != exitcode.NotFound || len(lines) != 5 || !strings.HasPrefix(lines[0], "Rotated "+providers[0]+", version 1 -> 2, id ") ||
		!strings.HasPrefix(lines[1], "Failed "+nobody) || !strings.HasPrefix(lines[2], "Rotated "+providers[1]+", version 1 -> 2, id ") ||
		lines[3] != "vaultkit: 1 of 3 rotations failed: "+nobody || lines[4] != "" {
		t.Errorf("vaultkit rotate --auto: exit code = %d, the terminal shows %q, want %d and whole lines: rotated, failed, rotated, the error",
			code, shown, exitcode.NotFound)
	}
}

func TestProgress_NotOnADumbTerminalOrForOne(t *testing.T) {
	providers := several(t, 2)
	t.Setenv("TERM", "dumb")
	if _, shown, _ := onTerminal(t.Context(), t, true, "status", providers[0], providers[1]); shown != "" {
		t.Errorf("vaultkit status: a dumb terminal shows %q, want nothing", shown)
	}
	t.Setenv("TERM", "xterm")
	if _, shown, _ := onTerminal(t.Context(), t, true, "status", providers[0]); shown != "" {
		t.Errorf("vaultkit status of one provider: the terminal shows %q, want nothing", shown)
	}
}
