package acl

import "slices"

// Capability is a set of what a policy grants on a path.
type Capability uint

// The capabilities.
const (
	Deny Capability = 1 << iota
	Create
	Read
	Update
	Delete
	List
	Sudo
	Patch
)

// Root is the name of the policy that allows everything, and the only capability that
// Vault reports for it.
const Root = "root"

var capabilityNames = map[Capability]string{
	Deny: "deny", Create: "create", Read: "read", Update: "update", Delete: "delete",
	List: "list", Sudo: "sudo", Patch: "patch",
}

func capabilityNamed(name string) (Capability, bool) {
	for capability, known := range capabilityNames {
		if known == name {
			return capability, true
		}
	}
	return 0, false
}

// String returns the name of a single capability.
func (c Capability) String() string { return capabilityNames[c] }

func (c Capability) has(one Capability) bool { return one != 0 && c&one == one }

// names returns the names in alphabetical order. Nothing granted is a denial.
func (c Capability) names() []string {
	if c == 0 || c.has(Deny) {
		return []string{Deny.String()}
	}
	var names []string
	for one, name := range capabilityNames {
		if c.has(one) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
