package connection

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// Without --timeout, a server that cannot be reached is retried for a short time only;
// with it, for that time.
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
