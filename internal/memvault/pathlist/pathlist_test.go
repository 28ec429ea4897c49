package pathlist_test

import (
	"slices"
	"testing"

	"goblin/vaultkit/internal/memvault/pathlist"
)

func TestChildren(t *testing.T) {
	paths := slices.Values([]string{"b", "a/y/z", "a/x", "a", "ab/c"})
	for dir, want := range map[string][]string{"": {"a", "a/", "ab/", "b"}, "a/": {"x", "y/"}, "a/y/": {"z"}, "none/": nil} {
		if got := pathlist.Children(paths, dir); !slices.Equal(got, want) {
			t.Errorf("Children(%q) = %q, want %q", dir, got, want)
		}
	}
}
