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
		t.Errorf("without any variable: %q", got)
	}
	t.Setenv("USER", "someone")
	if got := DefaultActor(); !strings.HasPrefix(got, "someone@") {
		t.Errorf("the user is %q", got)
	}
	t.Setenv("GITLAB_USER_LOGIN", "gitlab-person")
	if got := DefaultActor(); got != "gitlab-person" {
		t.Errorf("in a pipeline: %q", got)
	}
	t.Setenv("GITHUB_ACTOR", "a\nb\x1b\xff"+strings.Repeat("ü", 600))
	if got := DefaultActor(); !strings.HasPrefix(got, "abü") || len(got) > maxText || !utf8.ValidString(got) {
		t.Errorf("an odd actor becomes %q", got)
	}
	t.Setenv("GITHUB_ACTOR", "\n")
	if got := DefaultActor(); got != "gitlab-person" {
		t.Errorf("an empty one is passed by: %q", got)
	}
}
