package childproc

import (
	"runtime"
	"slices"
	"strings"
)

// Environment returns what a command gets that has variables of its own: those, and of
// an environment what is neither hidden nor replaced by them.
func Environment(inherited, hidden, own []string) []string {
	known := make(map[string]bool, len(hidden)+len(own))
	for _, name := range hidden {
		known[folded(name)] = true
	}
	for _, one := range own {
		known[folded(nameOf(one))] = true
	}
	return append(without(inherited, func(name string) bool { return known[folded(name)] }), own...)
}

// inherited is an environment without what the command must not see, and without
// variables that it could take for ours.
func (c *Command) inherited(environment []string) []string {
	ours := []string{VariableProvider, VariableID, VariableKey}
	return without(environment, func(name string) bool {
		return slices.Contains(ours, name) || strings.HasPrefix(name, variableField) ||
			slices.ContainsFunc(c.Hidden, func(one string) bool { return folded(one) == folded(name) })
	})
}

// without is an environment without the variables that are hidden.
func without(environment []string, hidden func(name string) bool) []string {
	return slices.DeleteFunc(environment, func(variable string) bool { return hidden(nameOf(variable)) })
}

func nameOf(variable string) string {
	name, _, _ := strings.Cut(variable, "=")
	return name
}

// folded is a name as the system compares it.
func folded(name string) string {
	if runtime.GOOS == "windows" {
		return strings.ToUpper(name)
	}
	return name
}
