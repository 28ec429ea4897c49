package namelist

import (
	"strings"
	"testing"
)

func TestFirst(t *testing.T) {
	t.Parallel()
	names := strings.Fields(strings.Repeat("A ", 22))
	want := strings.Repeat("A, ", 19) + "A and 2 more"
	if got := First(names, 20); got != want {
		t.Errorf("First(22 names, 20) = %q, want %q", got, want)
	}
}
