package devvault

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// stubCalled starts the line that a stub of the pinned server writes when something
// reaches it (see server/stubs/stub).
const stubCalled = "stub called: "

// stubsCalled looks through a server's log for stubs that were called. What reached
// one has not been tested against Vault, so that it is an error.
func stubsCalled(log []byte) error {
	var called []string
	for line := range bytes.Lines(log) {
		if what, is := strings.CutPrefix(strings.TrimSpace(string(line)), stubCalled); is {
			called = append(called, what)
		}
	}
	if len(called) == 0 {
		return nil
	}
	slices.Sort(called)
	return fmt.Errorf("the pinned server was asked for what it leaves out (see %s/README.md): %s",
		serverDir, strings.Join(slices.Compact(called), ", "))
}
