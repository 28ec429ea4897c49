// Package roles describes the roles for policy and doctor.
package roles

import (
	"fmt"
	"strings"

	"goblin/vaultkit/cmd/vaultkit/internal/namelist"
	"goblin/vaultkit/policy"
)

// Describe formats each role with the first line of its policy.
func Describe(format string) []string {
	var lines []string
	for _, role := range policy.Roles() {
		text, _ := policy.ForRole(role) // never fails for a role there is
		first, _, _ := strings.Cut(text, "\n")
		lines = append(lines, fmt.Sprintf(format, role, strings.TrimPrefix(first, "# ")))
	}
	return lines
}

// Similar returns the roles that are similar to an unknown one.
func Similar(role policy.Role) []string {
	var names []string
	for _, one := range policy.Roles() {
		if one == role {
			return nil
		}
		names = append(names, string(one))
	}
	return namelist.Similar(names, string(role))
}
