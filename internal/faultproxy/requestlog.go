package faultproxy

import (
	"net/http"
	"strings"
	"sync"
)

// record numbers the requests, keeps the log and asks the rule.
type requestLog struct {
	deciding sync.Mutex // serialises rules; never held together with anything a rule may call

	mu   sync.Mutex
	rule Rule
	log  []*Request
}

// see logs a request and decides what happens to it.
func (rec *requestLog) decide(r *http.Request) (*Request, Action) {
	rec.deciding.Lock()
	defer rec.deciding.Unlock()
	seen, rule := rec.add(r)
	if rule == nil {
		return seen, Pass
	}
	return seen, rule(*seen) // not forwarded yet: nobody writes to *seen
}

func (rec *requestLog) add(r *http.Request) (*Request, Rule) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	seen := &Request{
		N:      len(rec.log) + 1,
		Method: r.Method,
		Path:   strings.TrimPrefix(r.URL.EscapedPath(), "/v1/"),
		Query:  r.URL.RawQuery,
		Tag:    r.Header.Get(TagHeader),
		Index:  strings.Join(r.Header.Values(IndexHeader), ","),
	}
	rec.log = append(rec.log, seen)
	return seen, rec.rule
}

// answered notes the real server's status, also for a request that an
// intervening reset has dropped from the log.
func (rec *requestLog) setStatus(seen *Request, status int) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	seen.Status = status
}

func (rec *requestLog) setRule(rule Rule) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.rule = rule
}

func (rec *requestLog) reset() {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.log = nil
}

func (rec *requestLog) snapshot() []Request {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	log := make([]Request, 0, len(rec.log))
	for _, r := range rec.log {
		log = append(log, *r)
	}
	return log
}
