package acl

import (
	"cmp"
	"slices"
	"strings"
)

// mutants decide wrongly, each in one way.
var mutants = map[string]func(*ways){
	"a path with + counts before a longer prefix": func(w *ways) {
		w.order = func(a, b candidate) int {
			return cmp.Or(compareBool(a.pluses > 0, b.pluses > 0), comparePriority(a, b))
		}
	},
	"a longer prefix counts before a path with +": func(w *ways) {
		w.order = func(a, b candidate) int {
			return cmp.Or(compareBool(a.pluses == 0, b.pluses == 0), comparePriority(a, b))
		}
	},
	"the shorter of two wildcard paths counts": func(w *ways) {
		w.order = func(a, b candidate) int { return comparePriority(b, a) }
	},
	"the number of + segments does not count": func(w *ways) {
		w.order = func(a, b candidate) int {
			a.pluses, b.pluses = 0, 0
			return comparePriority(a, b)
		}
	},
	"a denial does not win over another policy": func(w *ways) {
		w.merge = func(into *rule, add rule) {
			if into.capabilities.has(Deny) {
				*into = add.clone()
			} else if !add.capabilities.has(Deny) {
				mergeRule(into, add)
			}
		}
	},
	"the allowed parameters of a second policy are lost": func(w *ways) {
		w.merge = func(into *rule, add rule) { add.parameters.allowed = nil; mergeRule(into, add) }
	},
	"the allowed parameters of a second policy replace the first's": func(w *ways) {
		w.merge = func(into *rule, add rule) {
			if len(add.parameters.allowed) > 0 {
				into.parameters.allowed = nil
			}
			mergeRule(into, add)
		}
	},
	"the denied parameters of a second policy are lost": func(w *ways) {
		w.merge = func(into *rule, add rule) { add.parameters.denied = nil; mergeRule(into, add) }
	},
	"the required parameters of a second policy are lost": func(w *ways) {
		w.merge = func(into *rule, add rule) { add.parameters.required = nil; mergeRule(into, add) }
	},
	"a second policy without parameters allows all of them": func(w *ways) {
		w.merge = func(into *rule, add rule) {
			if len(add.parameters.allowed) == 0 && !into.capabilities.has(Deny) {
				into.parameters.allowed = nil
			}
			mergeRule(into, add)
		}
	},
	"a create needs update":  func(w *ways) { w.needed = swapped(CreateOperation, UpdateOperation) },
	"an update needs create": func(w *ways) { w.needed = swapped(UpdateOperation, CreateOperation) },
	"a patch needs update":   func(w *ways) { w.needed = swapped(PatchOperation, UpdateOperation) },
	"a list needs read":      func(w *ways) { w.needed = swapped(ListOperation, ReadOperation) },
	"a list of allowed values must be allowed as a whole": func(w *ways) {
		w.valueAllowed = func(value any, list []any) bool { return len(list) == 0 || inList(value, list) }
	},
	"a pattern of a value is compared as it is written": func(w *ways) {
		w.valueAllowed = func(value any, list []any) bool {
			plain := slices.DeleteFunc(slices.Clone(list), func(one any) bool {
				text, ok := one.(string)
				return ok && strings.Contains(text, "*")
			})
			return len(list) == 0 || len(plain) > 0 && valueAllowed(value, plain)
		}
	},
}

// swapped needs for one operation what another needs.
func swapped(op, other Operation) func(Operation) Capability {
	return func(o Operation) Capability {
		if o == op {
			return neededCapability(other)
		}
		return neededCapability(o)
	}
}
