package main

import (
	"strings"
	"testing"
)

// TestTablesOnTerminal: headings and columns are for people, colours for those who
// want them.
func TestTablesOnTerminal(t *testing.T) {
	provider := expiring(t, "1d")
	for name, tc := range map[string]struct {
		term, noColor string
		colour        bool
	}{
		"as it comes":     {"xterm", "", true},
		"of no name":      {"", "", true},
		"asked for none":  {"xterm", "1", false},
		"a dumb terminal": {"dumb", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TERM", tc.term)
			t.Setenv("NO_COLOR", tc.noColor)
			for command, headings := range map[string]string{
				"status":  "PROVIDER VERSION AGE EXPIRES DUE NOTE",
				"backups": "VERSION IN FORCE FROM REPLACED AT ROTATION BY REASON REVOKED ID",
				"history": "WHEN VERSION OUTCOME FROM CHANGED BY REASON REVOKED ID",
			} {
				_, shown, _ := onTerminal(t.Context(), t, false, command, provider)
				lines := strings.Split(shown, "\r\n")
				plain := strings.NewReplacer("\x1b[1m", "", "\x1b[0m", "", "\x1b[31m", "").Replace(shown)
				if got := strings.Join(strings.Fields(strings.SplitN(plain, "\r\n", 2)[0]), " "); got != headings {
					t.Errorf("%s has the headings %q, want %q", command, got, headings)
				}
				if bolds := strings.Contains(lines[0], "\x1b[1m"); bolds != tc.colour || strings.Contains(plain, "\x1b") || strings.Contains(plain, "\t") {
					t.Errorf("%s shows %q", command, shown)
				}
				if command == "status" && strings.Contains(lines[1], "\x1b[31mexpiring\x1b[0m") != tc.colour {
					t.Errorf("what is due is shown as %q", lines[1])
				}
				if _, _, piped := onTerminal(t.Context(), t, true, command, provider); strings.Contains(piped, "\x1b") || strings.Count(piped, "\n") != 1 {
					t.Errorf("into a pipe %s prints %q", command, piped)
				}
			}
		})
	}
}
