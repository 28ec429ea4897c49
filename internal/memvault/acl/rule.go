package acl

import (
	"maps"
	"slices"
	"time"
)

type pathKind int

const (
	exactPath   pathKind = iota
	prefixPath           // ends in *
	segmentPath          // has a segment +, and may end in *
)

// rule is what one policy, or several merged, say about one path.
type rule struct {
	path         string // of a prefixPath without the *
	kind         pathKind
	capabilities Capability
	parameters   parameters
	wrapping     wrapping
}

func (r rule) clone() rule {
	r.parameters = r.parameters.clone()
	return r
}

// mergeRule adds another rule for the same path. A denial removes everything else.
func mergeRule(into *rule, add rule) {
	if into.capabilities.has(Deny) {
		return
	}
	if add.capabilities.has(Deny) {
		*into = add.clone()
		return
	}
	into.capabilities |= add.capabilities
	into.parameters.merge(add.parameters)
	into.wrapping.merge(add.wrapping)
}

// wrapping limits how long a response may be wrapped. 0 is no limit.
type wrapping struct{ min, max time.Duration }

// merge keeps the smaller of two limits, of the minimum too.
func (w *wrapping) merge(add wrapping) {
	w.min, w.max = smallerLimit(w.min, add.min), smallerLimit(w.max, add.max)
}

func smallerLimit(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// allows refuses a response that is not wrapped if there is any limit.
func (w wrapping) allows(ttl time.Duration) bool {
	if w.min <= 0 && w.max <= 0 {
		return true
	}
	return ttl > 0 && (w.max <= 0 || ttl <= w.max) && (w.min <= 0 || ttl >= w.min)
}

// parameters limits what a request may contain. The keys are in lower case. A nil map is
// no limit.
type parameters struct {
	allowed  map[string][]any
	denied   map[string][]any
	required []string
}

func (p parameters) clone() parameters {
	return parameters{maps.Clone(p.allowed), maps.Clone(p.denied), slices.Clone(p.required)}
}

func (p *parameters) merge(add parameters) {
	p.allowed = mergeValues(p.allowed, add.allowed)
	p.denied = mergeValues(p.denied, add.denied)
	for _, name := range add.required {
		if !slices.Contains(p.required, name) {
			p.required = append(p.required, name)
		}
	}
}

// mergeValues joins the values of each parameter. No values means every value, and that
// stays so.
func mergeValues(into, add map[string][]any) map[string][]any {
	if len(add) == 0 {
		return into
	}
	if into == nil {
		return maps.Clone(add)
	}
	for name, values := range add {
		known, ok := into[name]
		if len(values) == 0 || ok && len(known) == 0 {
			into[name] = nil
		} else {
			into[name] = slices.Concat(values, known)
		}
	}
	return into
}
