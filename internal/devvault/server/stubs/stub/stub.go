// Package stub is what every stand-in of this server calls when it is reached. A
// stand-in never pretends: the call is reported, and its error says what is missing.
package stub

import (
	"fmt"
	"os"
)

// Called reports on stderr, the server's log, that a test reached something that
// this server leaves out, and returns the error that says so. Package devvault looks
// for the report when the server ends, and fails then.
func Called(what string) error {
	fmt.Fprintf(os.Stderr, "stub called: %s\n", what)
	return fmt.Errorf("%s: not in this server", what)
}
