// Package stub is called by every stub of this server. A stub has no behaviour: it
// reports the call, and returns an error that says what is missing.
package stub

import (
	"fmt"
	"os"
)

// Called reports on stderr, which is the server's log, that something was asked for that
// this server does not have, and returns an error that says the same. Package devvault
// looks for the report when the server ends, and returns an error then.
func Called(what string) error {
	fmt.Fprintf(os.Stderr, "stub called: %s\n", what)
	return fmt.Errorf("%s: not in this server", what)
}
