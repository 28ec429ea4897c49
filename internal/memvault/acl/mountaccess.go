package acl

import (
	"strings"
)

// MountAccess reports whether the policies grant anything on or below a mount, whose path
// ends in a slash. Vault answers sys/internal/ui/mounts to such tokens.
func (a *ACL) MountAccess(mount string) bool {
	if a.root {
		return true
	}
	if found := a.find(mount, true); found != nil && found.grants() {
		return true
	}
	for _, rules := range []map[string]*rule{a.exact, a.prefixes} {
		for path, r := range rules {
			if strings.HasPrefix(path, mount) && r.grants() {
				return true
			}
		}
	}
	for _, r := range a.segments {
		if r.grants() && newCandidate(r).reaches(mount) {
			return true
		}
	}
	return false
}

func (r *rule) grants() bool { return r.capabilities != 0 && !r.capabilities.has(Deny) }

// reaches reports whether the first segments of a candidate match those of a mount.
func (c candidate) reaches(mount string) bool {
	segments, path := strings.Split(c.pathUpTo, "/"), strings.Split(strings.TrimSuffix(mount, "/"), "/")
	if len(segments) < len(path) {
		return false
	}
	for i, part := range path {
		last := c.isPrefix && i == len(segments)-1
		if segments[i] != "+" && segments[i] != part && (!last || !strings.HasPrefix(part, segments[i])) {
			return false
		}
	}
	return true
}
