package terminal

import (
	"strings"
	"testing"
)

// printed returns what a table prints to a kind of stream.
func printed(t *testing.T, terminal, color bool, fill func(*Table), headings ...string) string {
	t.Helper()
	var out strings.Builder
	tbl := NewTable(&Stream{display: &display{}, out: &out, terminal: terminal, colored: color}, "  ", headings...)
	fill(tbl)
	if out.String() != "" {
		t.Errorf("table prints %q before Flush, want nothing", out.String())
	}
	if err := tbl.Flush(); err != nil {
		t.Fatalf("Flush() = %v, want no error", err)
	}
	return out.String()
}

func TestTable(t *testing.T) {
	t.Parallel()
	fill := func(tbl *Table) {
		tbl.Row("schlüssel", "expired", "a\tb")
		tbl.Row("p", "", "")
		tbl.Optional("q", "")
	}
	headings := []string{"PROVIDER", "DUE", "NOTE"}
	for name, tc := range map[string]struct {
		terminal, color bool
		headings        []string
		want            string
	}{
		"elsewhere":         {false, false, headings, "schlüssel\texpired\t\"a\\tb\"\np\t-\t-\n"},
		"on a terminal":     {true, false, headings, "  PROVIDER   DUE      NOTE\n  schlüssel  expired  \"a\\tb\"\n  p          -        -\n"},
		"names and values":  {true, true, nil, "  schlüssel  expired  \"a\\tb\"\n  p          -        -\n"},
		"names and values,": {false, false, nil, "schlüssel\texpired\t\"a\\tb\"\np\t-\t-\n"},
		"in color": {true, true, headings, "  \x1b[1mPROVIDER\x1b[0m   \x1b[1mDUE\x1b[0m      \x1b[1mNOTE\x1b[0m\n" +
			"  schlüssel  \x1b[31mexpired\x1b[0m  \x1b[33m\"a\\tb\"\x1b[0m\n  p          -        -\n"},
	} {
		if got := printed(t, tc.terminal, tc.color, fill, tc.headings...); got != tc.want {
			t.Errorf("table %s = %q, want %q", name, got, tc.want)
		}
	}
}

func TestMarkOf(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		heading, text string
		want          Style
	}{
		{"DUE", "expired", Red}, {"DUE", "age", Red}, {"DUE", emptyCell, ""}, {"NOTE", "1 pending", Yellow},
		{"OUTCOME", "undecided", Yellow}, {"OUTCOME", "committed", ""}, {"ROTATION", "undecided", Yellow}, {"PROVIDER", "expired", ""},
	} {
		if got := markOf(tc.heading, tc.text); got != tc.want {
			t.Errorf("markOf(%q, %q) = %q, want %q", tc.heading, tc.text, got, tc.want)
		}
	}
}
