//go:build unix

package exec

import (
	"strings"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

func TestWarnWithoutInit(t *testing.T) {
	t.Parallel()
	for pid, want := range map[int]string{1: "docker run --init", 2: ""} {
		var errs strings.Builder
		warnWithoutInit(terminal.New(terminal.Streams{Err: &errs}), pid)
		if got := errs.String(); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("warnWithoutInit(%d) prints %q, want %q in it", pid, got, want)
		}
	}
}

// A problem is reported when it begins, once for all providers if it is Vault's, and the end of
// the last one is.
func TestProblems(t *testing.T) {
	t.Parallel()
	unavailable, denied := &vaultkit.Error{Kind: vaultkit.ErrUnavailable}, &vaultkit.Error{Kind: vaultkit.ErrPermissionDenied}
	var errs strings.Builder
	p := newProblems(terminal.New(terminal.Streams{Err: &errs}))
	for i, step := range []struct {
		provider string
		err      error
		want     string
	}{
		{"a", nil, ""},
		{"a", unavailable, "vault unavailable"},
		{"a", unavailable, ""},
		{"b", unavailable, ""},
		{"", unavailable, ""},
		{"a", nil, ""},
		{"b", denied, "permission denied"},
		{"a", denied, "permission denied"},
		{"", nil, ""},
		{"b", nil, ""},
		{"a", nil, "new keys are seen again"},
		{"a", unavailable, "vault unavailable"},
	} {
		errs.Reset()
		p.report(step.provider, step.err)
		if got := errs.String(); !strings.Contains(got, step.want) || (got == "") != (step.want == "") {
			t.Errorf("step %d: report(%q, %v) prints %q, want %q in it", i, step.provider, step.err, got, step.want)
		}
	}
}
