package tokenhelper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"goblin/vaultkit"
)

const (
	maxOutput = 64 << 10 // of each stream; more is an error, or is cut off
	grace     = time.Second
)

// Token runs the helper and returns what it prints, without white space around it. ctx limits
// the time. What the helper prints to stderr goes to say, line by line, with the token masked.
func (h *Helper) Token(ctx context.Context, environment []string, say func(line string)) (string, error) {
	if h.err != nil {
		return "", h.err
	}
	cmd := exec.CommandContext(ctx, h.path, "get") //nolint:gosec // the user's own program, at an absolute path
	cmd.Env = environment
	stdout, stderr := &limitedBuffer{}, &limitedBuffer{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = grace // a process that the helper started may hold its output open
	err := cmd.Run()
	token := strings.TrimSpace(stdout.String())
	for line := range strings.Lines(stderr.String()) {
		if token != "" {
			line = strings.ReplaceAll(line, token, "***")
		}
		say(strings.TrimRight(line, "\r\n"))
	}
	switch {
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return "", h.failed(ctx, err)
	case stdout.over:
		return "", helperError(h.path, fmt.Sprintf("printed more than %d bytes, which is no token", maxOutput), nil)
	case token == "":
		return "", &vaultkit.Error{
			Kind: vaultkit.ErrInvalid, Detail: fmt.Sprintf("the token helper %q has no token", h.path),
			Hint: "run vault login, or choose another login: VAULT_TOKEN, --token-file or --auth",
		}
	}
	return token, nil
}

// failed returns the error of a helper that did not succeed. It contains nothing that the helper
// printed.
func (h *Helper) failed(ctx context.Context, err error) error {
	failure := &vaultkit.Error{Kind: vaultkit.ErrUnauthenticated, Hint: "run it yourself: " + h.path + " get"}
	exit, ran := errors.AsType[*exec.ExitError](err)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		failure.Detail = fmt.Sprintf("the token helper %q did not end in time", h.path)
		failure.Hint = "if it waits for a person, give it more time with --timeout"
	case ctx.Err() != nil:
		failure.Kind, failure.Detail, failure.Err = nil, fmt.Sprintf("the token helper %q was stopped", h.path), ctx.Err()
	case ran && exit.Exited():
		failure.Detail = fmt.Sprintf("the token helper %q exited with status %d", h.path, exit.ExitCode())
	case ran:
		failure.Detail = fmt.Sprintf("the token helper %q was ended by a signal: %s", h.path, exit.ProcessState)
	default:
		failure.Detail, failure.Err = fmt.Sprintf("the token helper %q could not be run", h.path), err
	}
	return failure
}

// limitedBuffer keeps the beginning of what is written.
type limitedBuffer struct {
	kept bytes.Buffer // not embedded: its ReadFrom has no limit
	over bool
}

// Write keeps what fits.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	fits := min(len(p), maxOutput-b.kept.Len())
	b.over = b.over || fits < len(p)
	b.kept.Write(p[:fits])
	return len(p), nil
}

// String returns what was kept.
func (b *limitedBuffer) String() string { return b.kept.String() }
