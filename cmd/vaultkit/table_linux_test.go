package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// Headings and columns are on terminals only, and colors only without NO_COLOR.
func TestTables_HaveHeadingsAndColorsOnATerminal(t *testing.T) {
	provider := expiring(t, "1d")
	for name, tc := range map[string]struct {
		term, noColor string
		color         bool
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
					t.Errorf("vaultkit %s: headings = %q, want %q", command, got, headings)
				}
				bold := strings.Contains(lines[0], "\x1b[1m")
				if bold != tc.color || strings.Contains(plain, "\x1b") || strings.Contains(plain, "\t") {
					t.Errorf("vaultkit %s: the terminal shows %q, want bold headings: %t, no other sequences and no tabs", command, shown, tc.color)
				}
				if command == "status" && strings.Contains(lines[1], "\x1b[31mexpiring\x1b[0m") != tc.color {
					t.Errorf("vaultkit status: the terminal shows %q, want it expiring, in red: %t", lines[1], tc.color)
				}
				_, _, piped := onTerminal(t.Context(), t, true, command, provider)
				if strings.Contains(piped, "\x1b") || strings.Count(piped, "\n") != 1 {
					t.Errorf("vaultkit %s into a pipe prints %q, want one line without color", command, piped)
				}
			}
		})
	}
}

// history and backups fit the terminal, however long actor and reason are, and rollback
// accepts the short ids.
func TestTables_FitATerminalOf100Columns(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	provider, before, _, id := rotated(t)
	long := strings.Repeat("a long reason ", 30)
	actor := strings.Repeat("somebody", 20)
	vk(t, newKey(), "rotate", provider, "--new-key-stdin", "--actor", actor, "--reason", long, "--expires-in", "90d").ok(t)
	vk(t, "", "revoke-old", provider, id, "--cmd", "exit 0").ok(t)
	for _, command := range []string{"history", "backups"} {
		_, shown, _ := onTerminal(t.Context(), t, false, command, provider)
		lines := strings.Split(strings.TrimSuffix(shown, "\r\n"), "\r\n")
		for _, line := range lines {
			if width := utf8.RuneCountInString(line); width > 100 {
				t.Errorf("vaultkit %s prints a line of %d columns, want at most 100:\n%s", command, width, line)
			}
		}
		if !strings.HasSuffix(lines[len(lines)-1], "  v1") || !strings.HasSuffix(lines[1], "  v2") || !strings.Contains(lines[1], "a long") {
			t.Errorf("vaultkit %s prints %q, want ids v2 and v1 in the last column, and the start of the reason", command, lines)
		}
		_, _, piped := onTerminal(t.Context(), t, true, command, provider)
		if !strings.Contains(piped, id+"\n") || !strings.Contains(piped, long) {
			t.Errorf("vaultkit %s into a pipe prints %q, want the whole id and reason", command, piped)
		}
	}
	vk(t, "", "rollback", provider, "--to", "v1", "--allow-revoked").ok(t)
	holds(t, provider, before)
}
