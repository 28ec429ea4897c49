package childproc

import (
	"runtime"
	"slices"
	"strings"
)

// Environment returns the environment of a command: its own variables, and the
// inherited ones that are neither hidden nor overridden.
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

// inherited returns the environment without hidden variables and without variables that
// the command could mistake for those of vaultkit.
func (c *Command) inherited(environment []string) []string {
	ours := []string{VariableProvider, VariableID, VariableKey}
	return without(environment, func(name string) bool {
		return slices.Contains(ours, name) || strings.HasPrefix(name, variableField) ||
			slices.ContainsFunc(c.Hidden, func(one string) bool { return folded(one) == folded(name) })
	})
}

// without returns an environment without the hidden variables.
func without(environment []string, hidden func(name string) bool) []string {
	return slices.DeleteFunc(environment, func(variable string) bool { return hidden(nameOf(variable)) })
}

// Names returns the names of variables.
func Names(variables []string) []string {
	names := make([]string, 0, len(variables))
	for _, variable := range variables {
		names = append(names, nameOf(variable))
	}
	return names
}

func nameOf(variable string) string {
	name, _, _ := strings.Cut(variable, "=")
	return name
}

// folded returns a variable's name in the form that the system compares: Windows
// ignores case.
func folded(name string) string {
	if runtime.GOOS == "windows" {
		return strings.ToUpper(name)
	}
	return name
}
