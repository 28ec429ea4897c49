package main

import (
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

// answer types a line when the program asks for it. Before that, the terminal would show
// the line.
func answer(t *testing.T, person, program *os.File, shown *logbuffer.Buffer, question, line string) {
	t.Helper()
	vaulttest.Eventually(t, "no question: "+question, func() bool {
		var state syscall.Termios
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, program.Fd(), syscall.TCGETS, uintptr(unsafe.Pointer(&state)))
		return errno == 0 && state.Lflag&syscall.ECHO == 0 && strings.HasSuffix(shown.String(), question)
	})
	if _, err := person.WriteString(line + "\n"); err != nil {
		t.Fatalf("person.WriteString() = %v, want no error", err)
	}
}

// On a terminal, put asks for each FIELD=-, and does not show what is typed.
func TestPut_AsksOnATerminal(t *testing.T) {
	provider, key, secret := vaulttest.Name(t), newKey(), newKey()
	person, program, shown, ended := openTerminal(t)
	done := make(chan int, 1)
	go func() {
		args := append([]string{"put", provider, "api_key=-", "tier=gold", "api_secret=-"}, connect(t, vaulttest.Server().RootToken())...)
		done <- run(t.Context(), args, terminal.Streams{In: program, Out: program, Err: program})
	}()
	answer(t, person, program, shown, "Value of api_key (not shown): ", key)
	answer(t, person, program, shown, "Value of api_secret (not shown): ", secret)
	if code := <-done; code != exitcode.OK {
		t.Errorf("vaultkit put: exit code = %d, want %d; the terminal shows:\n%s", code, exitcode.OK, shown)
	}
	_ = program.Close()
	<-ended
	_ = person.Close()
	if strings.Contains(shown.String(), canary) {
		t.Errorf("vaultkit put: the terminal shows %q, want no typed key in it", shown)
	}
	got := decode[map[string]string](t, vk(t, "", "get", provider, "--all").ok(t), true)
	if got["api_key"] != key || got["api_secret"] != secret || got["tier"] != "gold" {
		t.Errorf("vaultkit get --all = %q, want what was typed", got)
	}
}
