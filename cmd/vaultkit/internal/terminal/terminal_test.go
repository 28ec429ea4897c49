package terminal

import (
	"errors"
	"syscall"
	"testing"
)

// failing fails every write with an error.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// A closed pipe does not stop the work; any other failure does.
func TestStreamWrite_IgnoresAClosedPipe(t *testing.T) {
	t.Parallel()
	disk := errors.New("no space")
	for _, tc := range []struct {
		cause, plain, strict error
		written              int
	}{
		{syscall.EPIPE, nil, syscall.EPIPE, 3},
		{disk, disk, disk, 0},
	} {
		stream := (&display{}).stream(failing{tc.cause})
		if n, err := stream.Write([]byte("abc")); n != tc.written || !errors.Is(err, tc.plain) {
			t.Errorf("Write on %v = %d, %v, want %d, %v", tc.cause, n, err, tc.written, tc.plain)
		}
		if got := stream.Failed(); !errors.Is(got, tc.plain) {
			t.Errorf("Failed() after %v = %v, want %v", tc.cause, got, tc.plain)
		}
		if _, err := (StrictWriter{stream}).Write([]byte("abc")); !errors.Is(err, tc.strict) {
			t.Errorf("StrictWriter.Write on %v = %v, want it", tc.cause, err)
		}
	}
}
