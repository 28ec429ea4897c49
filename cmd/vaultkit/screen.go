package main

import (
	"cmp"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// screen is what the program's output streams have in common: lines that several
// goroutines print, and a progress bar below them.
type screen struct {
	mu  sync.Mutex
	bar *progressbar.ProgressBar // nil: none
}

// share makes a stream that takes the bar out of the way of what it prints. The
// next step draws it anew.
func (s *screen) share(stream io.Writer) *shared {
	return &shared{screen: s, stream: stream, terminal: isTerminal(stream), colour: colourful(stream), width: widthOf(stream)}
}

// usualWidth is what a terminal has that does not say.
const usualWidth = 100

// widthOf is how many columns a terminal has; 0: it is none.
func widthOf(stream any) int {
	if !isTerminal(stream) {
		return 0
	}
	width, _, _ := term.GetSize(int(stream.(*os.File).Fd())) // fails: 0
	return cmp.Or(width, usualWidth)
}

type shared struct {
	screen           *screen
	stream           io.Writer
	terminal, colour bool
	width            int   // of a terminal, in columns
	failed           error // the first write that did
}

// Write prints one thing at a time. That the reader of a pipe has seen enough is no
// failure: the work goes on, and its outcome is the exit code.
func (w *shared) Write(p []byte) (int, error) {
	n, err := w.write(p)
	if errors.Is(err, syscall.EPIPE) {
		return len(p), nil
	}
	return n, err
}

func (w *shared) write(p []byte) (int, error) {
	w.screen.mu.Lock()
	defer w.screen.mu.Unlock()
	if w.screen.bar != nil {
		_ = w.screen.bar.Clear()
	}
	n, err := w.stream.Write(p)
	if !errors.Is(err, syscall.EPIPE) {
		w.failed = cmp.Or(w.failed, err)
	}
	return n, err
}

// insistent is a stream for what has to arrive before the work may go on: that
// nobody reads it is a failure, too.
type insistent struct{ *shared }

// Write fails whenever the stream does.
func (w insistent) Write(p []byte) (int, error) { return w.write(p) }

// progress shows on a terminal, without colours, how many of total are done, until
// done is called. Elsewhere, and for a single one, it shows nothing.
func (c *cli) progress(what string, total int) (step, done func()) {
	if c.terminal == nil || total < 2 {
		return func() {}, func() {}
	}
	bar := progressbar.NewOptions(total, progressbar.OptionSetWriter(c.terminal), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionSetWidth(30), progressbar.OptionThrottle(50*time.Millisecond))
	draw := func(change func()) {
		c.screen.mu.Lock()
		defer c.screen.mu.Unlock()
		change()
	}
	draw(func() {
		c.screen.bar = bar
		_ = bar.RenderBlank()
	})
	step = func() { draw(func() { _ = bar.Add(1) }) }
	done = func() {
		draw(func() {
			c.screen.bar = nil
			_ = bar.Clear()
		})
	}
	return step, done
}

// isTerminal reports that a person sees the stream, or types into it.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
