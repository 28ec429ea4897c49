package faultproxy

import "net/http"

// Action is what happens to one request. The zero value forwards it.
type Action struct{ do func(*exchange) }

// Pass forwards the request and hands back the server's answer.
var Pass Action

func (a Action) run(x *exchange) {
	if a.do == nil {
		x.relay()
		return
	}
	a.do(x)
}

// isPass tells the action that changes nothing from all others.
func (a Action) isPass() bool { return a.do == nil }

// Before runs f and then does a: Lose().Before(rival) lets a rival in first and
// then loses the answer. The client waits meanwhile. f may use the proxy, but must not
// call [Proxy.Wait], which returns only when f and a are done. f may end the client.
func (a Action) Before(f func()) Action {
	return Action{func(x *exchange) {
		defer x.hold()()
		f()
		a.run(x)
	}}
}

// Before runs f, for instance a rival's write straight at the server, and then
// forwards the request.
func Before(f func()) Action { return Pass.Before(f) }

// After forwards the request, runs f and then answers. The request is applied
// even if the client gives up.
func After(f func()) Action {
	return Action{func(x *exchange) {
		a, err := x.apply()
		f()
		x.answer(a, err)
	}}
}

// Then does a and, when all of it is over, runs f: for a Late when it was
// delivered (or dropped by Close), for a Hang when its client has given up.
func (a Action) Then(f func()) Action {
	return Action{func(x *exchange) {
		a.run(x)
		f()
	}}
}

// Refuse resets the connection before the server sees the request.
// For a refused dial see [Proxy.Down].
func Refuse() Action { return Action{(*exchange).reset} }

// Lose applies the request and resets the connection in place of an answer.
func Lose() Action {
	return Action{func(x *exchange) {
		_, _ = x.apply() // either way the client learns nothing; the log has the status
		x.reset()
	}}
}

// Kill applies the request, runs f, which ends the client, and resets the connection.
// It is what a client leaves that dies while it waits for the answer: when f is called
// the request has been applied.
func Kill(f func()) Action {
	return Action{func(x *exchange) {
		_, _ = x.apply()
		f()
		x.reset()
	}}
}

// Error answers with status and body (as JSON), whether the request was
// applied before or never forwarded. If it should have been applied and the
// server could not be reached, the client sees a reset.
func Error(status int, body string, applied bool) Action {
	made := &answer{
		status: status,
		header: http.Header{"Content-Type": {"application/json"}},
		body:   []byte(body),
	}
	return Action{func(x *exchange) {
		var err error
		if applied {
			_, err = x.apply()
		}
		x.answer(made, err)
	}}
}

// Stamp forwards the request and adds a header to the server's answer.
func AddHeader(name, value string) Action {
	return Action{func(x *exchange) {
		a, err := x.forward(x.r.Context())
		if err == nil {
			a.header.Add(name, value)
		}
		x.answer(a, err)
	}}
}

// Rewrite forwards the request and hands back what change makes of the answer's body.
func Rewrite(change func(status int, body []byte) []byte) Action {
	return Action{func(x *exchange) {
		a, err := x.forward(x.r.Context())
		if err == nil {
			a.body = change(a.status, a.body)
		}
		x.answer(a, err)
	}}
}

// DenyAlike forwards the request and gives every 403 the text of OpenBao 2.6 for a token
// that has ended, so that nobody can tell one from a right that is missing.
func DenySameText() Action {
	return Rewrite(func(status int, body []byte) []byte {
		if status != http.StatusForbidden {
			return body
		}
		return []byte(`{"errors":["permission denied"]}`)
	})
}

// Truncate applies the request and cuts the answer in the middle of its body,
// under the original Content-Length. An answer without a body (204) is cut in
// its header. The client reads an unexpected EOF.
func Truncate() Action {
	return Action{func(x *exchange) {
		a, err := x.apply()
		if err != nil {
			x.reset()
			return
		}
		x.truncate(a)
	}}
}

// Delay holds the request until release is closed and then forwards it. A
// client that gives up first is never heard by the server.
func Delay(release <-chan struct{}) Action {
	return Action{func(x *exchange) {
		if !await(x.r.Context(), release) {
			x.reset()
			return
		}
		x.relay()
	}}
}

// Late makes a zombie write: the client sees a reset at once, and the server
// gets the request when release is closed, however long that is after.
// [Proxy.Wait] waits for the delivery; Close drops what was not released.
func Late(release <-chan struct{}) Action {
	return Action{func(x *exchange) {
		defer x.hold()() // before the reset: whoever saw the reset can Wait
		x.reset()
		if await(x.p.ctx, release) {
			_, _ = x.forward(x.p.ctx)
		}
	}}
}

// Hang never answers and never forwards; it ends when the client gives up.
func Hang() Action { return Action{(*exchange).hang} }

// HangApplied forwards the request and keeps the answer back until the client
// gives up. A client that is faster than the server should [Proxy.Wait] before
// it looks at what was applied.
func HangApplied() Action {
	return Action{func(x *exchange) {
		_, _ = x.apply() // nobody is told; the log has the status
		x.hang()
	}}
}
