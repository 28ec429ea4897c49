// Package namelist formats lists of names for people, and suggests names for a mistyped
// one.
package namelist

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// Join joins words as in a sentence.
func Join(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	end := len(words) - 1
	return strings.Join(words[:end], ", ") + last + words[end]
}

// First joins the first names, and adds how many more there are.
func First(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// Similar returns the names that are similar to the typed one, as cobra compares them.
func Similar(names []string, typed string) []string {
	if typed == "" {
		return nil
	}
	all := &cobra.Command{SuggestionsMinimumDistance: 2}
	for _, name := range names {
		all.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	return slices.Compact(slices.Sorted(slices.Values(all.SuggestionsFor(typed))))
}

// Suggest adds to an error the names that the user may have meant.
func Suggest(err error, names []string) error {
	const most = 3
	if len(names) == 0 {
		return err
	}
	return exitcode.WithHint(err, "Did you mean "+Join(names[:min(most, len(names))], " or ")+"?")
}
