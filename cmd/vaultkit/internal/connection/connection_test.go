package connection

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// TestTimeoutGiven: without --timeout nobody waits half a minute for a server that is
// not there; with it the server has that long to come up.
func TestTimeoutGiven(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]bool{"": false, "--timeout=9s": true} {
		c, cmd := New(terminal.New(terminal.Streams{})), &cobra.Command{}
		c.AddFlags(cmd)
		if err := cmd.ParseFlags(strings.Fields(flag)); err != nil || c.timeoutGiven() != want {
			t.Errorf("timeoutGiven() with %q = %v, %v, want %v", flag, c.timeoutGiven(), err, want)
		}
	}
}
