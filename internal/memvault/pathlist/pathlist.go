// Package pathlist lists the entries of a directory in a store that knows paths only.
package pathlist

import (
	"iter"
	"maps"
	"slices"
	"strings"
)

// Children returns the names directly below a directory, in order. A name that has entries
// below it ends in a slash. dir is empty or ends in a slash.
func Children(paths iter.Seq[string], dir string) []string {
	found := make(map[string]bool)
	for path := range paths {
		rest, below := strings.CutPrefix(path, dir)
		if !below {
			continue
		}
		if name, _, deeper := strings.Cut(rest, "/"); deeper {
			rest = name + "/"
		}
		found[rest] = true
	}
	return slices.Sorted(maps.Keys(found))
}
