package faulttest

import (
	"context"
	"net/http"

	"goblin/vaultkit/internal/faultproxy"
)

// kind is a kind of fault.
type kind struct {
	do      func(p *execution, q *request) (*http.Response, error)
	write   bool // only for writes
	last    bool // the operation sends no more requests
	retried bool // the operation sends the request again, or reads its effect
}

// When a late request is applied. A positive number counts the operation's own requests in
// between.
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
	// The system refuses the connection.
	"refused": {do: (*execution).refuse, retried: true},
	// The network or Vault fails.
	"cut":           {do: viaProxy(faultproxy.Refuse()), retried: true},
	"applied-reset": {do: viaProxy(faultproxy.Lose()), retried: true},
	"applied-500":   {do: viaProxy(faultproxy.Error(http.StatusInternalServerError, internalError, true)), retried: true},
	"truncated":     {do: viaProxy(faultproxy.Truncate()), retried: true},
	"403":           {do: viaProxy(faultproxy.Error(http.StatusForbidden, denied, false))},
	"429":           {do: viaProxy(faultproxy.Error(http.StatusTooManyRequests, quota, false)), retried: true},
	// The request is applied late: the operation sees a reset at once and continues. The request
	// arrives before one of the next requests, before the ending, or after it.
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
	// Every request fails from now on, and then the context ends.
	"gone":         {do: gone(nothing), last: true},
	"gone-applied": {do: gone((*execution).apply), last: true},
	// The process dies. It gets no response and sends no more requests.
	"dies":         {do: dies(nothing), last: true},
	"dies-applied": {do: dies((*execution).apply), last: true},
	"dies-late":    {do: dies(arriving(beforeEnding)), write: true, last: true},
	"dies-later":   {do: dies(arriving(afterEnding)), write: true, last: true},
}

// viaProxy sends the request to the fault proxy, which applies the action to it.
func viaProxy(action faultproxy.Action) func(*execution, *request) (*http.Response, error) {
	return func(p *execution, q *request) (*http.Response, error) { return p.viaProxy(action, q) }
}

// late sends a request that is applied later.
func late(wait int) func(*execution, *request) (*http.Response, error) {
	return func(p *execution, q *request) (*http.Response, error) { return p.late(wait, q) }
}

// fate is what happens to a request whose client is gone.
type fate func(p *execution, q *request)

func nothing(*execution, *request) {}

func arriving(wait int) fate {
	return func(p *execution, q *request) { closeBody(p.late(wait, q)) }
}

// apply has the request applied and ignores the response.
func (p *execution) apply(q *request) { closeBody(q.send(q.detached().Request)) }

// ended ends the caller's context. A request that does not depend on the context (the record of
// a committed rotation) is sent: the fault applies to the next one.
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

func closeBody(response *http.Response, err error) {
	if err == nil {
		response.Body.Close()
	}
}
