//go:build unix

package devvault

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"goblin/vaultkit/internal/logbuffer"

	"goblin/vaultkit/internal/short"
)

// TestBuild_CancelEndsItsCompilers uses a go command that starts a compiler and waits for
// it. The real go command does not pass SIGTERM on. The compiler holds a pipe open until
// it ends.
func TestBuild_CancelEndsItsCompilers(t *testing.T) {
	short.RealOnly(t, "a server process or its build")
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "go"), "#!/bin/sh\nsleep 600 >\"$GOTMPDIR/alive\" &\nwait\n")
	if err := os.Chmod(filepath.Join(dir, "go"), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	temp := t.TempDir()
	alive := filepath.Join(temp, "alive")
	if err := syscall.Mkfifo(alive, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := &compilation{source: dir, temp: temp, log: &logbuffer.Buffer{}, every: time.Hour}
	result := make(chan error, 1)
	go func() { result <- c.run(ctx, filepath.Join(dir, "out")) }()

	compiler, err := os.Open(alive) // waits for the compiler
	if err != nil {
		t.Fatal(err)
	}
	defer compiler.Close()
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("run() = %v, want context.Canceled", err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := io.ReadAll(compiler)
		ended <- err
	}()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("ReadAll of the pipe of the compiler = %v, want its end", err)
		}
	case <-time.After(time.Minute):
		t.Error("the compiler still runs after a minute, want its end")
	}
}
