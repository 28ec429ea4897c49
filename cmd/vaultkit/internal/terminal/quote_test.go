package terminal

import "testing"

func TestShellWord(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"https://vault:8200": "https://vault:8200", "a b": "'a b'", "$(x)": "'$(x)'", "it's": `'it'\''s'`, "~/f": "'~/f'",
	} {
		if got := ShellWord(word); got != want {
			t.Errorf("ShellWord(%q) = %s, want %s", word, got, want)
		}
	}
}

func TestCell_EscapesWhatSteersATerminal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "-", "plain – text": "plain – text", "a\x1b[31mb": `"a\x1b[31mb"`, "a\tb": `"a\tb"`} {
		if got := Cell(text); got != want {
			t.Errorf("Cell(%q) = %q, want %q", text, got, want)
		}
	}
}
