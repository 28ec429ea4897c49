package faultproxy

import (
	"strings"
	"sync/atomic"
)

// Request is one request as the proxy saw it.
type Request struct {
	N      int    // counts from 1 since the last Reset
	Method string // LIST included
	Path   string // as on the wire (escaped), without the leading /v1/
	Query  string // raw
	Tag    string // the client's TagHeader, which the server never sees
	Index  string // the client's X-Vault-Index: how far the node that answers has to be
	Status int    // what the real server answered; 0: nothing, or not yet (always so in a Rule)
}

// TagHeader is a request header that the proxy takes off and shows to the rule
// as [Request.Tag]. A test's client that sets it can have many tests go through
// one proxy at once, its rule telling them apart.
const TagHeader = "X-Fault-Tag"

// IndexHeader is how Vault Enterprise tells how far a node is, and a client how far
// one has to be. A community server never sends it, and takes no notice of it.
const IndexHeader = "X-Vault-Index"

// Rule picks the action for a request. The proxy calls it for one request at a
// time, in the order of N, so it may keep state. It must not wait for another
// request; that is what [Before] is for.
type Rule func(Request) Action

// When does a to every request that match reports, and passes all others. Match is
// called like a Rule.
func When(match func(Request) bool, a Action) Rule {
	return func(r Request) Action {
		if match(r) {
			return a
		}
		return Pass
	}
}

// At does a to the n-th request and passes all others.
func At(n int, a Action) Rule {
	return When(func(r Request) bool { return r.N == n }, a)
}

// OnMatch does a to the first request with this method (any if empty) whose
// path contains pathSubstring. The rule is used up then, also across a Reset.
func OnMatch(method, pathSubstring string, a Action) Rule {
	var used atomic.Bool
	return When(func(r Request) bool { return r.matches(method, pathSubstring) && used.CompareAndSwap(false, true) }, a)
}

// OnEvery does a to every request that OnMatch would match.
func OnEvery(method, pathSubstring string, a Action) Rule {
	return When(func(r Request) bool { return r.matches(method, pathSubstring) }, a)
}

// Rules joins rules, for schedules of more than one fault: the first that does
// not pass decides, and those behind it are not asked.
func Rules(rules ...Rule) Rule {
	return func(r Request) Action {
		for _, rule := range rules {
			if a := rule(r); !a.isPass() {
				return a
			}
		}
		return Pass
	}
}

func (r Request) matches(method, pathSubstring string) bool {
	return (method == "" || method == r.Method) && strings.Contains(r.Path, pathSubstring)
}
