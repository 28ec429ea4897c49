// Package flaggroup lists the flags of a command in groups, each below a heading, in its
// help.
package flaggroup

import (
	"strings"

	"github.com/spf13/pflag"
)

// annotation is the annotation of a flag that holds the heading of its group.
const annotation = "vaultkit_flag_group"

// helpWidth is the width at which the descriptions of flags are wrapped.
const helpWidth = 96

// Set puts flags below a heading. It panics if there is no such flag.
func Set(flags *pflag.FlagSet, heading string, names ...string) {
	for _, name := range names {
		if err := flags.SetAnnotation(name, annotation, []string{heading}); err != nil {
			panic(err)
		}
	}
}

// Usages returns the descriptions of flags for a help text. The flags without a group
// come first, the groups in the order of their first flags.
func Usages(flags *pflag.FlagSet) string {
	headings, groups := []string{"Flags"}, map[string]*pflag.FlagSet{"Flags": newGroup()}
	flags.VisitAll(func(flag *pflag.Flag) {
		heading := "Flags"
		if group := flag.Annotations[annotation]; len(group) > 0 {
			heading = group[0]
		}
		if groups[heading] == nil {
			headings, groups[heading] = append(headings, heading), newGroup()
		}
		groups[heading].AddFlag(flag)
	})
	var text strings.Builder
	for _, heading := range headings {
		if groups[heading].HasAvailableFlags() {
			text.WriteString("\n\n" + heading + ":\n" + strings.TrimRight(groups[heading].FlagUsagesWrapped(helpWidth), "\n"))
		}
	}
	return strings.TrimLeft(text.String(), "\n")
}

// newGroup returns an empty group, which keeps the order in which flags are added.
func newGroup() *pflag.FlagSet {
	group := pflag.NewFlagSet("", pflag.ContinueOnError)
	group.SortFlags = false
	return group
}
