package setup

import (
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/policy"
)

// policy returns the policy of a role.
func (s *Spec) policy(role policy.Role) *object {
	text, _ := policy.ForRole(role, s.options()...) // cannot fail after Check
	name, printedBy := s.name(role), s.printPolicy(role)
	o := &object{
		kind: "policy", name: name, path: "sys/policies/acl/" + name,
		fields:  []field{{name: "policy", value: policyText{text, printedBy}}},
		command: printedBy + " | vault policy write " + name + " -",
	}
	o.read = o.readPath
	return o
}

// printPolicy returns the command that prints the policy of a role.
func (s *Spec) printPolicy(role policy.Role) string {
	command := "vaultkit policy " + string(role)
	for _, provider := range s.Providers {
		command += " --provider " + terminal.ShellWord(provider)
	}
	for _, place := range [][2]string{{" --mount ", s.Mount}, {" --base ", s.Base}} {
		if place[1] != "" {
			command += place[0] + terminal.ShellWord(place[1])
		}
	}
	return command
}
