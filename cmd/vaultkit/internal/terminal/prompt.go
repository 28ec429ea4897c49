package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// CanAsk reports whether a person can answer a question.
func (t *IO) CanAsk() bool { return t.Watched() && IsTerminal(t.In) }

// Confirm asks a question. It returns an error with the text refused unless the answer
// is yes.
func (t *IO) Confirm(ctx context.Context, question, refused string) error {
	fmt.Fprint(t.Err, question+" [y/N] ")
	answer, err := Interruptible(ctx, func() (string, error) {
		line, err := bufio.NewReader(t.In).ReadString('\n')
		return strings.ToLower(strings.TrimSpace(line)), err
	})
	if err != nil {
		return err
	}
	if answer != "y" && answer != "yes" {
		return errors.New(refused)
	}
	return nil
}

// ReadHidden reads a line from the terminal In without showing it. It restores the
// terminal, also after Ctrl-C.
func (t *IO) ReadHidden(ctx context.Context, prompt string) (string, error) {
	descriptor := int(t.In.(*os.File).Fd())
	state, err := term.GetState(descriptor)
	if err != nil {
		return "", err
	}
	defer func() { _ = term.Restore(descriptor, state) }()
	fmt.Fprintf(t.Err, "%s (not shown): ", prompt)
	defer fmt.Fprintln(t.Err)
	return Interruptible(ctx, func() (string, error) {
		line, err := term.ReadPassword(descriptor)
		return string(line), err
	})
}

// Interruptible runs a read that takes no context, and returns when ctx ends. A read
// that never returns is left behind until the program exits.
func Interruptible(ctx context.Context, read func() (string, error)) (string, error) {
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := read()
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		return "", exitcode.WithHint(fmt.Errorf("interrupted: %w", ctx.Err()), "Nothing was written to Vault.")
	}
}
