// Package terminal reads from and writes to the user: streams, tables, colors, a
// progress bar and questions. Its output cannot control a terminal.
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

// Streams are the standard streams of the program.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// IO is what a command reads and writes. Out is for data, Err for everything else.
type IO struct {
	In       io.Reader
	Out, Err *Stream
	person   io.Writer // a terminal that a person watches; nil: there is none
	display  *display
}

// New returns the IO of streams.
func New(std Streams) *IO {
	shared := &display{}
	t := &IO{In: std.In, Out: shared.stream(std.Out), Err: shared.stream(std.Err), display: shared}
	if t.Err.terminal && os.Getenv("TERM") != "dumb" {
		t.person = std.Err
	}
	return t
}

// Watched reports whether a person watches a terminal.
func (t *IO) Watched() bool { return t.person != nil }

// PrintError prints an error.
func (t *IO) PrintError(err error) {
	fmt.Fprintln(t.Err, "vaultkit: "+Printable(exitcode.Text(err)))
}

// Warn prints a warning.
func (t *IO) Warn(format string, args ...any) {
	fmt.Fprintln(t.Err, "vaultkit: warning: "+Printable(fmt.Sprintf(format, args...)))
}

// display is what the output streams share: lines from several goroutines, and a
// progress bar below them.
type display struct {
	mu  sync.Mutex
	bar *progressbar.ProgressBar // nil: none
}

// stream returns a stream that removes the bar before it prints. The next step of the
// bar shows it again.
func (s *display) stream(out io.Writer) *Stream {
	return &Stream{display: s, out: out, terminal: IsTerminal(out), colored: takesColor(out), width: widthOf(out)}
}

// Stream is an output of the program.
type Stream struct {
	display           *display
	out               io.Writer
	terminal, colored bool
	width             int   // of a terminal, in columns
	failed            error // the first write that did
}

// Write writes one text at a time. A closed pipe is not an error: the work continues,
// and the exit code is that of its outcome.
func (s *Stream) Write(p []byte) (int, error) {
	n, err := s.write(p)
	if errors.Is(err, syscall.EPIPE) {
		return len(p), nil
	}
	return n, err
}

func (s *Stream) write(p []byte) (int, error) {
	s.display.mu.Lock()
	defer s.display.mu.Unlock()
	if s.display.bar != nil {
		_ = s.display.bar.Clear()
	}
	n, err := s.out.Write(p)
	if !errors.Is(err, syscall.EPIPE) {
		s.failed = cmp.Or(s.failed, err)
	}
	return n, err
}

// Failed returns the error of the first write that failed, except for a closed pipe.
func (s *Stream) Failed() error { return s.failed }

// Paint returns a text in a style, or unchanged if the stream has no colors.
func (s *Stream) Paint(style Style, text string) string {
	if !s.colored {
		return text
	}
	return style.paint(text)
}

// IsFile reports whether the stream writes to the file at a path.
func (s *Stream) IsFile(path string) bool {
	file, ok := s.out.(*os.File)
	if !ok {
		return false
	}
	one, err1 := file.Stat()
	other, err2 := os.Stat(path)
	return err1 == nil && err2 == nil && os.SameFile(one, other)
}

// StrictWriter is a stream for output that must arrive before the work continues: a
// closed pipe is an error.
type StrictWriter struct{ *Stream }

// Write writes to the stream, and fails if the pipe is closed.
func (w StrictWriter) Write(p []byte) (int, error) { return w.write(p) }

// IsTerminal reports whether a stream is a terminal.
func IsTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// usualWidth is the width of a terminal that does not report one.
const usualWidth = 100

// widthOf returns the width of a terminal in columns; 0: it is not a terminal.
func widthOf(stream any) int {
	if !IsTerminal(stream) {
		return 0
	}
	width, _, _ := term.GetSize(int(stream.(*os.File).Fd())) // fails: 0
	return cmp.Or(width, usualWidth)
}
