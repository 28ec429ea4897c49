package faultproxy

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
)

// Request describes a request that the proxy received.
type Request struct {
	N      int    // number since the last Reset, from 1
	Method string // LIST included
	Path   string // escaped, without the leading /v1/
	Query  string // raw
	Tag    string // the client's TagHeader, which the proxy removes
	Index  string // the client's X-Vault-Index: the state that the answering node must have

	Namespace string // the client's X-Vault-Namespace
	Status    int    // the real server's status; 0: none, or not yet, as in a Rule
}

// TagHeader is a request header that the proxy removes and passes to the rule as
// [Request.Tag]. With it, the rule of one proxy can tell apart the requests of many tests.
const TagHeader = "X-Fault-Tag"

// IndexHeader holds a node's state, or the state that a client requires. Vault Enterprise
// uses it; a community server neither sends nor reads it.
const IndexHeader = "X-Vault-Index"

// Rule chooses the action for a request. The proxy calls it for one request at a time, in
// the order of N, so it may keep state. It must not wait for another request; use [Before]
// for that.
type Rule func(Request) Action

// When applies a to every request for which match returns true, and passes all others. The
// proxy calls match as it calls a Rule.
func When(match func(Request) bool, a Action) Rule {
	return func(r Request) Action {
		if match(r) {
			return a
		}
		return Pass
	}
}

// At applies a to the n-th request and passes all others.
func At(n int, a Action) Rule {
	return When(func(r Request) bool { return r.N == n }, a)
}

// OnMatch applies a to the first request with this method (any if empty) whose path
// contains pathSubstring. It does not apply again, even after a Reset.
func OnMatch(method, pathSubstring string, a Action) Rule {
	var used atomic.Bool
	return When(func(r Request) bool { return r.matches(method, pathSubstring) && used.CompareAndSwap(false, true) }, a)
}

// OnEvery applies a to every request that OnMatch would match.
func OnEvery(method, pathSubstring string, a Action) Rule {
	return When(func(r Request) bool { return r.matches(method, pathSubstring) }, a)
}

// Rules combines rules, for schedules with more than one fault. The first rule that does
// not pass decides; later rules are not called.
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

// OnlyNamespaces answers as an OpenBao that has only these namespaces, besides the root one. Each is
// a path without slashes around it. Vault's community edition has none and ignores the header.
func OnlyNamespaces(names ...string) Rule {
	return func(r Request) Action {
		name := strings.Trim(r.Namespace, "/")
		switch {
		case name == "":
			return Pass
		case r.Path == "sys/health":
			return Error(http.StatusBadRequest, `{"errors":["operation unavailable in namespaces"]}`, false)
		case slices.Contains(names, name):
			return Pass
		}
		return Error(http.StatusNotFound, `{"errors":["namespace not found"]}`, false)
	}
}

func (r Request) matches(method, pathSubstring string) bool {
	return (method == "" || method == r.Method) && strings.Contains(r.Path, pathSubstring)
}
