package pathtree_test

import (
	"slices"
	"testing"

	"goblin/vaultkit/internal/memvault/pathtree"
)

func TestList_ShowsADirectoryAndNoMore(t *testing.T) {
	var tree pathtree.Tree[int]
	for i, path := range []string{"b", "a/y/z", "a/x", "a", "ab/c"} {
		tree.Set(path, i+1)
	}
	for dir, want := range map[string][]string{"": {"a", "a/", "ab/", "b"}, "a/": {"x", "y/"}, "a/y/": {"z"}, "none/": nil, "b/": {}} {
		if got := tree.List(dir); !slices.Equal(got, want) {
			t.Errorf("List(%q) = %q, want %q", dir, got, want)
		}
	}
	if got := tree.Get("a/y/z"); got != 2 {
		t.Errorf("Get(a/y/z) = %d, want 2", got)
	}
	if got := tree.Get("a/y"); got != 0 {
		t.Errorf("Get(a/y), a directory, = %d, want 0", got)
	}
}

func TestDelete_RemovesEmptyDirectories(t *testing.T) {
	var tree pathtree.Tree[int]
	tree.Set("a/b/c", 1)
	tree.Set("a", 2)
	tree.Delete("none/x")
	tree.Delete("a/b/c")
	if got, want := tree.Paths(), []string{"a"}; !slices.Equal(got, want) {
		t.Errorf("Paths() = %q, want %q", got, want)
	}
	if got := tree.List("a/"); len(got) != 0 {
		t.Errorf("List(a/) = %q, want nothing", got)
	}
	tree.Delete("a")
	if got := tree.List(""); len(got) != 0 {
		t.Errorf("List() = %q, want nothing", got)
	}
}
