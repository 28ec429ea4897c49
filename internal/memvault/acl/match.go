package acl

import (
	"cmp"
	"slices"
	"strings"
)

// candidate is a rule with wildcards that matches a path.
type candidate struct {
	rule     *rule
	wildcard int // where the first + or * is
	isPrefix bool
	pluses   int
	pathUpTo string // without the trailing *
}

// comparePriority puts the rule that counts last: the one whose first wildcard comes
// latest; one without * at the end; the one with fewer + segments; the longer one.
func comparePriority(a, b candidate) int {
	return cmp.Or(
		cmp.Compare(a.wildcard, b.wildcard),
		-compareBool(a.isPrefix, b.isPrefix),
		-cmp.Compare(a.pluses, b.pluses),
		cmp.Compare(len(a.pathUpTo), len(b.pathUpTo)),
		strings.Compare(a.pathUpTo, b.pathUpTo),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// findWildcard returns the rule with a wildcard that counts for a path, or nil.
func (a *ACL) findWildcard(path string) *rule {
	var matching []candidate
	if longest := a.longestPrefix(path); longest != nil {
		matching = append(matching, candidate{
			rule: longest, wildcard: len(longest.path), isPrefix: true, pathUpTo: longest.path,
		})
	}
	parts := strings.Split(path, "/")
	for _, r := range a.segments {
		if c := newCandidate(r); c.matches(parts) {
			matching = append(matching, c)
		}
	}
	if len(matching) == 0 {
		return nil
	}
	return slices.MaxFunc(matching, a.ways.order).rule
}

func (a *ACL) longestPrefix(path string) (longest *rule) {
	for prefix, r := range a.prefixes {
		if strings.HasPrefix(path, prefix) && (longest == nil || len(prefix) > len(longest.path)) {
			longest = r
		}
	}
	return longest
}

func newCandidate(r *rule) candidate {
	upTo, isPrefix := strings.CutSuffix(r.path, "*")
	c := candidate{rule: r, wildcard: strings.Index(r.path, "+"), isPrefix: isPrefix, pathUpTo: upTo}
	for segment := range strings.SplitSeq(upTo, "/") {
		if segment == "+" {
			c.pluses++
		}
	}
	return c
}

// matches compares segment by segment. Only the last segment of a prefix may be a part of
// the path's, and the path may have more segments then.
func (c candidate) matches(path []string) bool {
	segments := strings.Split(c.pathUpTo, "/")
	if len(path) < len(segments) || !c.isPrefix && len(path) != len(segments) {
		return false
	}
	for i, segment := range segments {
		last := c.isPrefix && i == len(segments)-1
		if segment != "+" && segment != path[i] && (!last || !strings.HasPrefix(path[i], segment)) {
			return false
		}
	}
	return true
}
