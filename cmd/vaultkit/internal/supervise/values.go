//go:build unix

package supervise

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// values are the values of variables by name.
type values map[string]string

// valuesOf returns the values of variables in the form NAME=value.
func valuesOf(variables []string) values {
	found := make(values, len(variables))
	for _, variable := range variables {
		name, value, _ := strings.Cut(variable, "=")
		found[name] = value
	}
	return found
}

// variables returns the values as NAME=value, sorted by name.
func (v values) variables() []string {
	found := make([]string, 0, len(v))
	for _, name := range slices.Sorted(maps.Keys(v)) {
		found = append(found, name+"="+v[name])
	}
	return found
}

// with returns the values with those of newer. What newer lacks is kept.
func (v values) with(newer values) values {
	all := maps.Clone(v)
	maps.Copy(all, newer)
	return all
}

// changed returns the names whose value is another one in newer, sorted. A name that
// newer lacks, or that only newer has, is none of them.
func (v values) changed(newer values) (names []string) {
	for name, value := range v {
		if other, ok := newer[name]; ok && other != value {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// missing returns the names that newer lacks, sorted.
func (v values) missing(newer values) (names []string) {
	for name := range v {
		if _, ok := newer[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// without returns the names other than the given ones.
func (v values) without(names []string) []string {
	return slices.DeleteFunc(slices.Collect(maps.Keys(v)), func(name string) bool { return slices.Contains(names, name) })
}

// having returns those of the names that have a value.
func (v values) having(names []string) (found []string) {
	for _, name := range names {
		if _, ok := v[name]; ok {
			found = append(found, name)
		}
	}
	return found
}

// Format prints no value, whatever the verb.
func (v values) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "%d values", len(v)) }
