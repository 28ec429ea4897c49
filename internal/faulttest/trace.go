package faulttest

import (
	"net/http"
	"slices"
	"strings"
)

// requestTrace is the requests of an operation's undisturbed run. Requests are numbered by it,
// so that a number means the same request in every run. Sequential requests come first, then
// those that are sent at the same time as others.
type requestTrace []string

// newRequestTrace returns the trace of a run from an execution's requests.
func newRequestTrace(requests []string) requestTrace {
	var after, along requestTrace
	for _, request := range requests {
		line := strings.TrimLeft(request, " 0123456789")
		if strings.Contains(line, concurrentMark) {
			along = append(along, line)
		} else {
			after = append(after, line)
		}
	}
	slices.Sort(along)
	return append(after, along...)
}

// concurrentMark marks a request that may be sent at the same time as another.
const concurrentMark = " (alongside)"

// MayBeConcurrent reports whether an operation may send the request at the same time as
// another: a list or a query of capabilities.
func MayBeConcurrent(path, query string) bool {
	return strings.Contains(query, "list=true") || strings.HasSuffix(path, "sys/capabilities-self")
}

// mayBeConcurrent is MayBeConcurrent, and also true for the reads with which a rotation looks
// for the record of the rotation before.
func mayBeConcurrent(r *http.Request) bool {
	read := r.Method == http.MethodGet && (r.URL.Query().Has("version") || strings.Contains(r.URL.Path, "/rotations/"))
	return read || MayBeConcurrent(r.URL.Path, r.URL.RawQuery)
}

// writes reports whether a request changes something if it arrives late. The query of
// capabilities is a PUT that changes nothing.
func writes(r *http.Request) bool { return r.Method != http.MethodGet && !mayBeConcurrent(r) }

// lineOf returns the parts of a request that are the same in every run.
func lineOf(r *http.Request, provider string) string {
	segments := strings.Split(r.URL.Path, "/")
	if i := slices.Index(segments, provider); i >= 0 {
		for ; i < len(segments); i++ {
			segments[i] = "*"
		}
	}
	line := r.Method + " " + strings.Join(segments, "/")
	if mayBeConcurrent(r) {
		line += concurrentMark
	}
	return line
}

// numbering numbers the requests of one run.
type numbering struct {
	trace  requestTrace
	met    []bool
	beyond int // number of requests that are not in the trace
}

func (c requestTrace) begin() *numbering { return &numbering{trace: c, met: make([]bool, len(c))} }

// next returns the number of a request. A request that is not in the trace, such as a retry,
// gets the next number after it.
func (n *numbering) next(line string) int {
	for i, of := range n.trace {
		if of == line && !n.met[i] {
			n.met[i] = true
			return i + 1
		}
	}
	n.beyond++
	return len(n.trace) + n.beyond
}
