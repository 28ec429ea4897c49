package namelist

import (
	"strings"
	"testing"
)

func TestFirst(t *testing.T) {
	t.Parallel()
	names := strings.Fields(strings.Repeat("A ", 22))
	if got := First(names, 20); got != strings.Repeat("A, ", 19)+"A and 2 more" {
		t.Errorf("First(22 names, 20) = %q", got)
	}
}
