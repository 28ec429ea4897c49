package checks_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"goblin/vaultkit/internal/checks"
)

// Every kind of fix heals or only shows where to look, and no two have one name.
func TestKindsAreListed(t *testing.T) {
	source, err := os.ReadFile("kind.go")
	if err != nil {
		t.Fatal(err)
	}
	var declared []checks.Kind
	for _, match := range regexp.MustCompile(`(?m)^\t\w+ +Kind = "(.+)"$`).FindAllSubmatch(source, -1) {
		declared = append(declared, checks.Kind(match[1]))
	}
	listed := checks.Kinds()
	slices.Sort(declared)
	slices.Sort(listed)
	if !slices.Equal(declared, listed) || len(slices.Compact(listed)) != len(declared) || len(declared) == 0 {
		t.Errorf("Kinds() = %q, want %q", listed, declared)
	}
}
