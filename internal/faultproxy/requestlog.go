package faultproxy

import (
	"net/http"
	"strings"
	"sync"
)

// requestLog numbers the requests, keeps the log and calls the rule.
type requestLog struct {
	deciding sync.Mutex // serialises rules; a rule must not call what needs it

	mu   sync.Mutex
	rule Rule
	log  []*Request
}

// decide logs a request and returns its action.
func (l *requestLog) decide(r *http.Request) (*Request, Action) {
	l.deciding.Lock()
	defer l.deciding.Unlock()
	seen, rule := l.add(r)
	if rule == nil {
		return seen, Pass
	}
	return seen, rule(*seen) // safe to read, because the request is not forwarded yet
}

func (l *requestLog) add(r *http.Request) (*Request, Rule) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := &Request{
		N:      len(l.log) + 1,
		Method: r.Method,
		Path:   strings.TrimPrefix(r.URL.EscapedPath(), "/v1/"),
		Query:  r.URL.RawQuery,
		Tag:    r.Header.Get(TagHeader),
		Index:  strings.Join(r.Header.Values(IndexHeader), ","),

		Namespace: r.Header.Get("X-Vault-Namespace"),
	}
	l.log = append(l.log, seen)
	return seen, l.rule
}

// setStatus records the real server's status, also for a request that Reset has removed
// from the log.
func (l *requestLog) setStatus(seen *Request, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen.Status = status
}

func (l *requestLog) setRule(rule Rule) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rule = rule
}

func (l *requestLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log = nil
}

func (l *requestLog) snapshot() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	log := make([]Request, 0, len(l.log))
	for _, r := range l.log {
		log = append(log, *r)
	}
	return log
}
