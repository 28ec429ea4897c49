package main

import (
	"context"
	"io"
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// Ctrl-C ends the wait for a pipe that stays open.
func TestStdin_CanBeInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	pipe, writer := io.Pipe()
	defer func() { _ = writer.Close() }()
	var errs strings.Builder
	c := terminal.Streams{In: &hook{Reader: pipe, before: interrupt}, Out: io.Discard, Err: &errs}
	code := run(ctx, []string{"rotate", "p", "--new-key-stdin", "--address", "http://127.0.0.1:1"}, c)
	if code != exitcode.Failure || !strings.HasPrefix(errs.String(), "vaultkit: interrupted") {
		t.Errorf("vaultkit rotate after Ctrl-C: exit code = %d, stderr = %q, want %d and the interruption first",
			code, errs.String(), exitcode.Failure)
	}
	has(t, "vaultkit rotate after Ctrl-C: stderr", errs.String(), "Nothing was written to Vault.")
}

// hook calls before on each Read.
type hook struct {
	io.Reader
	before func()
}

func (h *hook) Read(p []byte) (int, error) {
	h.before()
	return h.Reader.Read(p)
}
