// Package terminal is what the program reads and writes: streams that know whether a
// person sees them, tables, colors, a progress bar, questions, and text that cannot
// steer a terminal.
package terminal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// Streams are what the program is started with.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// IO is what a command reads and writes. Out is for data, Err for everything else.
type IO struct {
	In       io.Reader
	Out, Err *Stream
	person   io.Writer // where a person watches; nil: nowhere
	screen   *screen
}

// New returns the IO of streams.
func New(std Streams) *IO {
	shared := &screen{}
	t := &IO{In: std.In, Out: shared.stream(std.Out), Err: shared.stream(std.Err), screen: shared}
	if t.Err.terminal && os.Getenv("TERM") != "dumb" {
		t.person = std.Err
	}
	return t
}

// Watched reports that a person watches a terminal.
func (t *IO) Watched() bool { return t.person != nil }

// PrintError prints an error of which there may be more.
func (t *IO) PrintError(err error) {
	fmt.Fprintln(t.Err, "vaultkit: "+Printable(exitcode.Text(err)))
}

// Warn prints a line that does not stop anything.
func (t *IO) Warn(format string, args ...any) {
	fmt.Fprintln(t.Err, "vaultkit: warning: "+Printable(fmt.Sprintf(format, args...)))
}

// screen is what the output streams have in common: lines that several goroutines
// print, and a progress bar below them.
type screen struct {
	mu  sync.Mutex
	bar *progressbar.ProgressBar // nil: none
}

// stream makes a stream that takes the bar out of the way of what it prints. The next
// step draws it anew.
func (s *screen) stream(out io.Writer) *Stream {
	return &Stream{screen: s, out: out, terminal: IsTerminal(out), colored: takesColor(out), width: widthOf(out)}
}

// Stream is an output of the program.
type Stream struct {
	screen            *screen
	out               io.Writer
	terminal, colored bool
	width             int   // of a terminal, in columns
	failed            error // the first write that did
}

// Write prints one thing at a time. That the reader of a pipe has seen enough is no
// failure: the work goes on, and its outcome is the exit code.
func (s *Stream) Write(p []byte) (int, error) {
	n, err := s.write(p)
	if errors.Is(err, syscall.EPIPE) {
		return len(p), nil
	}
	return n, err
}

func (s *Stream) write(p []byte) (int, error) {
	s.screen.mu.Lock()
	defer s.screen.mu.Unlock()
	if s.screen.bar != nil {
		_ = s.screen.bar.Clear()
	}
	n, err := s.out.Write(p)
	if !errors.Is(err, syscall.EPIPE) {
		s.failed = cmp.Or(s.failed, err)
	}
	return n, err
}

// Failed returns the error of the first write that failed. A closed pipe is none.
func (s *Stream) Failed() error { return s.failed }

// Paint returns a text in a style, or as it is where the stream takes no colors.
func (s *Stream) Paint(style Style, text string) string {
	if !s.colored {
		return text
	}
	return style.paint(text)
}

// IsFile reports that the stream goes to the file at a path.
func (s *Stream) IsFile(path string) bool {
	file, ok := s.out.(*os.File)
	if !ok {
		return false
	}
	one, err1 := file.Stat()
	other, err2 := os.Stat(path)
	return err1 == nil && err2 == nil && os.SameFile(one, other)
}

// StrictWriter is a stream for what has to arrive before the work may go on: that
// nobody reads it is a failure, too.
type StrictWriter struct{ *Stream }

// Write fails whenever the stream does.
func (w StrictWriter) Write(p []byte) (int, error) { return w.write(p) }

// IsTerminal reports that a person sees the stream, or types into it.
func IsTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// usualWidth is what a terminal has that does not say.
const usualWidth = 100

// widthOf is how many columns a terminal has; 0: it is none.
func widthOf(stream any) int {
	if !IsTerminal(stream) {
		return 0
	}
	width, _, _ := term.GetSize(int(stream.(*os.File).Fd())) // fails: 0
	return cmp.Or(width, usualWidth)
}
