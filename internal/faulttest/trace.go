package faulttest

import (
	"net/http"
	"slices"
	"strings"
)

// requestTrace is the requests of an operation's undisturbed run, by which they are
// numbered: a number means the same request in every run, whatever is sent at once
// with it. First come those that follow each other, then those that are sent beside
// them.
type requestTrace []string

// newRequestTrace returns the trace of a run from its requests, as an execution notes them.
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

// alongside marks a request that an operation may send beside another one.
const concurrentMark = " (alongside)"

// Beside reports a request that may be sent beside another one, by its path and its
// raw query: a list, or the question for capabilities.
func MayBeConcurrent(path, query string) bool {
	return strings.Contains(query, "list=true") || strings.HasSuffix(path, "sys/capabilities-self")
}

// beside reports such a request, and the reads by which a rotation looks for the record of the
// one before.
func mayBeConcurrent(r *http.Request) bool {
	read := r.Method == http.MethodGet && (r.URL.Query().Has("version") || strings.Contains(r.URL.Path, "/rotations/"))
	return read || MayBeConcurrent(r.URL.Path, r.URL.RawQuery)
}

// writes reports a request that changes something when it arrives late. The question
// for capabilities is a PUT, and changes nothing.
func writes(r *http.Request) bool { return r.Method != http.MethodGet && !mayBeConcurrent(r) }

// lineOf is a request without what differs from run to run.
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

// numbers gives one run's requests their numbers.
type numbering struct {
	trace  requestTrace
	met    []bool
	beyond int // requests that the trace has not
}

func (c requestTrace) begin() *numbering { return &numbering{trace: c, met: make([]bool, len(c))} }

// next numbers a request. What the trace has not, or not again, a repetition above
// all, is numbered after it.
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
