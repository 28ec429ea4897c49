package devvault

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"goblin/vaultkit/internal/short"
)

func TestServer_HasNoSecretInItsCommandLine(t *testing.T) {
	s := start(t, Options{})
	texts := map[string]string{}
	for _, name := range []string{"cmdline", "environ"} {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.proc.os.Pid), name))
		if err != nil || len(text) == 0 {
			t.Fatalf("ReadFile of the server's %s = %q, %v, want a text", name, text, err)
		}
		texts[name] = string(text)
	}
	wantNoSecret(t, s.keys, texts)
}

// TestServer_OutlivesTheStartingThread checks that the server does not depend on the
// caller's thread, because the kernel ends the server with the thread that started it.
func TestServer_OutlivesTheStartingThread(t *testing.T) {
	short.RealOnly(t, "a server process or its build")
	var s *Server
	task := onEndingThread(func() {
		var err error
		if s, err = Start(t.Context(), Options{}); err != nil {
			t.Error(err)
		}
	})
	if s == nil {
		return
	}
	stopAtEnd(t, s)
	awaitTrue(t, "the thread has ended", func() bool {
		_, err := os.Stat(task)
		return errors.Is(err, os.ErrNotExist)
	})
	put(t, s, "v")
}

// onEndingThread runs f on a thread that then ends, and returns the path where the kernel
// lists the thread while it exists.
func onEndingThread(f func()) (task string) {
	done := make(chan string)
	go func() {
		runtime.LockOSThread() // without unlocking: the thread ends with us
		if syscall.Gettid() == os.Getpid() {
			// The main thread never ends. While we keep it, f gets another.
			done <- onEndingThread(f)
			return
		}
		f()
		done <- filepath.Join("/proc/self/task", strconv.Itoa(syscall.Gettid()))
	}()
	return <-done
}

func TestServer_EndsWithItsOwner(t *testing.T) {
	short.RealOnly(t, "a server process or its build")
	owner, addr := startRole(t, "start-server")
	host := strings.TrimPrefix(addr, "http://")
	if !listens(host) {
		t.Fatalf("listens(%q) = false, want true", host)
	}
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	awaitTrue(t, "the server has ended", func() bool { return !listens(host) })
}

func listens(host string) bool {
	conn, err := net.Dial("tcp", host)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

func awaitTrue(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := poll(ctx, pollEvery, func() (bool, error) { return done(), nil }); err != nil {
		t.Errorf("waiting until %s = %v, want it within 10 s", what, err)
	}
}
