package devvault

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
)

// stubCalled is the beginning of the line that a stub of the pinned server logs when it is
// called (see server/stubs/stub).
const stubCalled = "stub called: "

// stubsCalled returns an error if a stub was called since the server started, because such
// a test has not tested Vault.
func (n *node) stubsCalled() error {
	log, err := os.ReadFile(n.logFile())
	if err != nil {
		return fmt.Errorf("look for stubs that were called: %w", err)
	}
	return findStubCalls(log)
}

// findStubCalls returns an error if a server's log has reports of stubs.
func findStubCalls(log []byte) error {
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
	return fmt.Errorf("a test used features that the test server does not have (see %s/README.md): %s",
		serverDir, strings.Join(slices.Compact(called), ", "))
}
