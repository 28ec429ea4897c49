// Package roles describes the roles that a policy can be printed for, and that the
// doctor looks for.
package roles

import (
	"fmt"
	"strings"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/namelist"
)

// Describe formats each role with what the first line of its policy says.
func Describe(format string) []string {
	var lines []string
	for _, role := range vaultkit.Roles() {
		text, _ := vaultkit.Policy(role) // never fails for a role there is
		first, _, _ := strings.Cut(text, "\n")
		lines = append(lines, fmt.Sprintf(format, role, strings.TrimPrefix(first, "# ")))
	}
	return lines
}

// Similar returns the roles that could have been meant by one that is none.
func Similar(role vaultkit.Role) []string {
	var names []string
	for _, one := range vaultkit.Roles() {
		if one == role {
			return nil
		}
		names = append(names, string(one))
	}
	return namelist.Similar(names, string(role))
}
