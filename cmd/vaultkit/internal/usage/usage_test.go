package usage

import (
	"testing"

	"github.com/spf13/cobra"
)

func TestValidators_NameTheArgumentsOfTheUsageLine(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		use   string
		check cobra.PositionalArgs
		given int
		want  string // empty: no error
	}{
		{"list", None, 0, ""},
		{"list", None, 1, "list takes no arguments"},
		{"get PROVIDER", Exactly(1), 1, ""},
		{"get PROVIDER", Exactly(1), 0, "get needs one PROVIDER"},
		{"get PROVIDER", Exactly(1), 2, "get takes one PROVIDER and nothing else"},
		{"abort PROVIDER ID", Exactly(2), 1, "abort needs one PROVIDER and one ID"},
		{"put PROVIDER FIELD=@file|FIELD=-...", AtLeast(2), 3, ""},
		{"put PROVIDER FIELD=@file|FIELD=-...", AtLeast(2), 1, "put needs one PROVIDER and at least one FIELD=@file"},
		{"backups PROVIDER [prune --keep N]", Between(1, 2), 2, ""},
		{"backups PROVIDER [prune --keep N]", Between(1, 2), 3, "too many arguments for backups"},
	} {
		got := ""
		if err := tc.check(&cobra.Command{Use: tc.use}, make([]string, tc.given)); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%q with %d arguments: error = %q, want %q", tc.use, tc.given, got, tc.want)
		}
	}
}

func TestArgumentAt(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		use   string
		index int
		want  string
	}{
		{"abort PROVIDER ID", 1, "ID"}, {"abort PROVIDER ID", 2, ""}, {"status [PROVIDER...]", 4, "PROVIDER"},
		{"backups PROVIDER [prune --keep N]", 1, "prune"}, {"list", 0, ""}, {"revoke-old PROVIDER ID --cmd COMMAND", 2, ""},
	} {
		if got := ArgumentAt(&cobra.Command{Use: tc.use}, tc.index); got != tc.want {
			t.Errorf("ArgumentAt(%q, %d) = %q, want %q", tc.use, tc.index, got, tc.want)
		}
	}
}
