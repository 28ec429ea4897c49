package flagtype

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDefaultActor(t *testing.T) {
	for _, variable := range []string{"USER", "LOGNAME", "USERNAME"} {
		t.Setenv(variable, "")
	}
	if got := DefaultActor(); !strings.Contains(got, "@") || strings.HasPrefix(got, "@") {
		t.Errorf("DefaultActor() without variables = %q, want user@host", got)
	}
	t.Setenv("USER", "someone")
	if got := DefaultActor(); !strings.HasPrefix(got, "someone@") {
		t.Errorf("DefaultActor() with USER = %q, want it to start with %q", got, "someone@")
	}
	t.Setenv("GITLAB_USER_LOGIN", "gitlab-person")
	if got := DefaultActor(); got != "gitlab-person" {
		t.Errorf("DefaultActor() with GITLAB_USER_LOGIN = %q, want %q", got, "gitlab-person")
	}
	t.Setenv("GITHUB_ACTOR", "a\nb\x1b\xff"+strings.Repeat("ü", 600))
	if got := DefaultActor(); !strings.HasPrefix(got, "abü") || len(got) > maxText || !utf8.ValidString(got) {
		t.Errorf("DefaultActor() with an unprintable, long GITHUB_ACTOR = %q, want abü... in at most %d bytes", got, maxText)
	}
	t.Setenv("GITHUB_ACTOR", "\n")
	if got := DefaultActor(); got != "gitlab-person" {
		t.Errorf("DefaultActor() with an unprintable GITHUB_ACTOR = %q, want the next variable, %q", got, "gitlab-person")
	}
}
