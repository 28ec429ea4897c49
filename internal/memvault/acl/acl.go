// Package acl decides what a token may do, as Vault's policies do. [Parse] reads a policy
// in HCL or JSON, [New] merges the policies of one token, and [ACL.Allow] decides about one
// request. The package does no input or output.
//
// The tests compare every decision with those of a real Vault server.
//
// What Vault honours and this package does not is refused by name: see [ErrUnsupported].
package acl

import (
	"strings"
	"time"
)

// ACL is what the policies of one token allow together.
type ACL struct {
	root     bool
	exact    map[string]*rule
	prefixes map[string]*rule // without the trailing *
	segments map[string]*rule // paths with a + segment, as written
	ways     ways
}

// ways are the decisions in which an error of ours would be hardest to see. Tests replace
// them one at a time, to show that the comparison with Vault detects it.
type ways struct {
	order        func(a, b candidate) int
	merge        func(into *rule, add rule)
	needed       func(Operation) Capability
	valueAllowed func(value any, list []any) bool
}

var vaultsWays = ways{order: comparePriority, merge: mergeRule, needed: neededCapability, valueAllowed: valueAllowed}

// New merges policies. A path that several policies name has the capabilities of all of
// them, unless one denies it.
func New(policies ...*Policy) *ACL { return newACL(vaultsWays, policies) }

func newACL(w ways, policies []*Policy) *ACL {
	a := &ACL{exact: map[string]*rule{}, prefixes: map[string]*rule{}, segments: map[string]*rule{}, ways: w}
	for _, policy := range policies {
		a.root = a.root || policy.Name == Root
		for _, r := range policy.rules {
			a.add(r)
		}
	}
	return a
}

func (a *ACL) add(r rule) {
	rules := a.exact
	switch r.kind {
	case prefixPath:
		rules = a.prefixes
	case segmentPath:
		rules = a.segments
	}
	if known, ok := rules[r.path]; ok {
		a.ways.merge(known, r)
		return
	}
	first := r.clone()
	rules[r.path] = &first
}

// Request is what a decision depends on.
type Request struct {
	Operation Operation
	Path      string // below /v1/

	// Data holds the parameters: the JSON body with its numbers as json.Number, or the
	// query. Values are compared as they are, so a decoder that makes float64 of the
	// numbers would change decisions.
	Data map[string]any

	WrapTTL time.Duration // 0: the response is not to be wrapped
}

// Decision is the answer to a Request.
type Decision struct {
	Allowed bool
	Sudo    bool // a policy grants sudo on the path; always set for the root policy
	Root    bool // the token has the root policy
}

// Allow decides about a request. For a path that [NeedsSudo] names, the caller also checks
// Decision.Sudo.
func (a *ACL) Allow(r Request) Decision {
	if a.root {
		return Decision{Allowed: true, Sudo: true, Root: true}
	}
	found := a.find(r.Path, r.Operation == ListOperation)
	if found == nil {
		return Decision{}
	}
	return Decision{Allowed: a.allows(found, r), Sudo: found.capabilities.has(Sudo)}
}

func (a *ACL) allows(found *rule, r Request) bool {
	return found.capabilities.has(a.ways.needed(r.Operation)) &&
		found.wrapping.allows(r.WrapTTL) &&
		(!hasParameters(r.Operation) || found.parameters.allow(r.Data, a.ways.valueAllowed))
}

// Capabilities returns the names of what is allowed on a path in alphabetical order, as
// sys/capabilities does: ["deny"] if nothing is, ["root"] for the root policy.
func (a *ACL) Capabilities(path string) []string {
	if a.root {
		return []string{Root}
	}
	found := a.find(path, true)
	if found == nil {
		return []string{Deny.String()}
	}
	return found.capabilities.names()
}

// find returns the rule for a path. A list also finds the rule of the path without its
// trailing slash, before any rule with a wildcard.
func (a *ACL) find(path string, list bool) *rule {
	path = strings.TrimLeft(path, "/")
	if found, ok := a.exact[path]; ok {
		return found
	}
	bare := strings.TrimSuffix(path, "/")
	if !list || bare == path {
		return a.findWildcard(path)
	}
	if found, ok := a.exact[bare]; ok {
		return found
	}
	if found := a.findWildcard(bare); found != nil {
		return found
	}
	return a.findWildcard(path)
}
