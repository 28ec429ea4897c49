package faulttest

import (
	"context"
	"net/http"

	"goblin/vaultkit/internal/faultproxy"
)

// kind is a kind of fault.
type kind struct {
	do      func(p *execution, q *request) (*http.Response, error)
	write   bool // makes sense of a write only
	last    bool // nothing of the operation comes after it
	retried bool // the operation sends the request again, or looks what became of it
}

// The wait between being sent and being applied of a late request. Positive
// ones count the operation's own requests in between.
const (
	beforeEnding = 0
	afterEnding  = -1
)

const (
	internalError = `{"errors":["internal error"]}`
	denied        = `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}`
	quota         = `{"errors":["request path \"x\": rate limit quota exceeded"]}`
)

var kinds = map[string]kind{
	// No connection: nobody listens at the other end.
	"refused": {do: (*execution).refuse, retried: true},
	// What only the network or Vault does.
	"cut":           {do: viaProxy(faultproxy.Refuse()), retried: true},
	"applied-reset": {do: viaProxy(faultproxy.Lose()), retried: true},
	"applied-500":   {do: viaProxy(faultproxy.Error(http.StatusInternalServerError, internalError, true)), retried: true},
	"truncated":     {do: viaProxy(faultproxy.Truncate()), retried: true},
	"403":           {do: viaProxy(faultproxy.Error(http.StatusForbidden, denied, false))},
	"429":           {do: viaProxy(faultproxy.Error(http.StatusTooManyRequests, quota, false)), retried: true},
	// Applied late: the operation sees a reset at once and goes on; the request
	// arrives just before its next but so many, before the ending, or after it.
	"late-by-1": {do: late(1), write: true, retried: true},
	"late-by-2": {do: late(2), write: true, retried: true},
	"late-by-3": {do: late(3), write: true, retried: true},
	"late-by-4": {do: late(4), write: true, retried: true},
	"late":      {do: late(beforeEnding), write: true, retried: true},
	"later":     {do: late(afterEnding), write: true, retried: true},
	// The caller's context ends while the request is on its way.
	"deadline":         {do: ended(context.DeadlineExceeded, nothing)},
	"deadline-applied": {do: ended(context.DeadlineExceeded, (*execution).apply)},
	"deadline-late":    {do: ended(context.DeadlineExceeded, arriving(beforeEnding)), write: true},
	"deadline-later":   {do: ended(context.DeadlineExceeded, arriving(afterEnding)), write: true},
	"cancel":           {do: ended(context.Canceled, nothing)},
	"cancel-applied":   {do: ended(context.Canceled, (*execution).apply)},
	// The network is gone for good, and then the context ends.
	"gone":         {do: gone(nothing), last: true},
	"gone-applied": {do: gone((*execution).apply), last: true},
	// The process dies. It is told nothing and sends nothing more.
	"dies":         {do: dies(nothing), last: true},
	"dies-applied": {do: dies((*execution).apply), last: true},
	"dies-late":    {do: dies(arriving(beforeEnding)), write: true, last: true},
	"dies-later":   {do: dies(arriving(afterEnding)), write: true, last: true},
}

// through sends the request to the fault proxy, which does the action to it.
func viaProxy(action faultproxy.Action) func(*execution, *request) (*http.Response, error) {
	return func(p *execution, q *request) (*http.Response, error) { return p.viaProxy(action, q) }
}

// late sends a request that is applied later.
func late(wait int) func(*execution, *request) (*http.Response, error) {
	return func(p *execution, q *request) (*http.Response, error) { return p.late(wait, q) }
}

// What becomes of a request whose client is not there any more.
type fate func(p *execution, q *request)

func nothing(*execution, *request) {}

func arriving(wait int) fate {
	return func(p *execution, q *request) { closeBody(p.late(wait, q)) }
}

// apply has the request applied and throws the answer away.
func (p *execution) apply(q *request) { closeBody(q.send(q.detached().Request)) }

// ended ends the caller's context. A request that does not depend on it (a record
// of what is committed) goes on: it is the next one that counts.
func ended(why error, fate fate) func(*execution, *request) (*http.Response, error) {
	return func(p *execution, q *request) (*http.Response, error) {
		if p.ctx.cancel(why); q.Context().Err() == nil {
			return q.send(q.Request)
		}
		fate(p, q)
		return nil, q.Context().Err()
	}
}

func gone(fate fate) func(*execution, *request) (*http.Response, error) {
	return func(p *execution, q *request) (*http.Response, error) {
		fate(p, q)
		p.cutOff()
		p.ctx.cancel(context.DeadlineExceeded)
		return p.refuse(q)
	}
}

func dies(fate fate) func(*execution, *request) (*http.Response, error) {
	return func(p *execution, q *request) (*http.Response, error) {
		fate(p, q)
		p.die()
		return p.blockDead()
	}
}

func closeBody(answer *http.Response, err error) {
	if err == nil {
		answer.Body.Close()
	}
}
