package faultproxy

import "net/http"

// Action is what happens to a request. The zero value forwards it.
type Action struct{ do func(*exchange) }

// Pass forwards the request and returns the server's response.
var Pass Action

func (a Action) run(x *exchange) {
	if a.do == nil {
		x.relay()
		return
	}
	a.do(x)
}

// isPass reports whether the action changes nothing.
func (a Action) isPass() bool { return a.do == nil }

// Before runs f and then a. For example, Lose().Before(rival) lets another writer go first
// and then loses the response. The client waits meanwhile. f may use the proxy and may end
// the client, but must not call [Proxy.Wait], which waits for f and a.
func (a Action) Before(f func()) Action {
	return Action{func(x *exchange) {
		defer x.hold()()
		f()
		a.run(x)
	}}
}

// Before runs f, for example another client's write to the server, and then forwards the
// request.
func Before(f func()) Action { return Pass.Before(f) }

// After forwards the request, runs f and then answers. The request is applied even if the
// client leaves.
func After(f func()) Action {
	return Action{func(x *exchange) {
		a, err := x.apply()
		f()
		x.answer(a, err)
	}}
}

// Then runs a and, when it has ended, f. A Late ends when it is delivered or dropped by
// Close, a Hang when its client leaves.
func (a Action) Then(f func()) Action {
	return Action{func(x *exchange) {
		a.run(x)
		f()
	}}
}

// Refuse resets the connection before the server gets the request. For a refused
// connection see [Proxy.Down].
func Refuse() Action { return Action{(*exchange).reset} }

// Lose applies the request and resets the connection instead of answering.
func Lose() Action {
	return Action{func(x *exchange) {
		_, _ = x.apply() // the client gets no response either way; the log has the status
		x.reset()
	}}
}

// Kill applies the request, runs f, which ends the client, and resets the connection. It
// simulates a client that crashes while it waits for the response.
func Kill(f func()) Action {
	return Action{func(x *exchange) {
		_, _ = x.apply()
		f()
		x.reset()
	}}
}

// Error answers with the status and the JSON body. applied says whether the request is
// applied before. If it cannot be applied, the client sees a reset.
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

// AddHeader forwards the request and adds a header to the server's response.
func AddHeader(name, value string) Action {
	return Action{func(x *exchange) {
		a, err := x.forward(x.r.Context())
		if err == nil {
			a.header.Add(name, value)
		}
		x.answer(a, err)
	}}
}

// Rewrite forwards the request and replaces the response's body by change's result.
func Rewrite(change func(status int, body []byte) []byte) Action {
	return Action{func(x *exchange) {
		a, err := x.forward(x.r.Context())
		if err == nil {
			a.body = change(a.status, a.body)
		}
		x.answer(a, err)
	}}
}

// DenySameText forwards the request and gives every 403 the text of OpenBao 2.6 for an
// invalid token. So an invalid token and a missing right look the same.
func DenySameText() Action {
	return Rewrite(func(status int, body []byte) []byte {
		if status != http.StatusForbidden {
			return body
		}
		return []byte(`{"errors":["permission denied"]}`)
	})
}

// Truncate applies the request and cuts the response in the middle of its body, with the
// original Content-Length. A response without a body (204) is cut in its header. The
// client gets an unexpected EOF.
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

// Delay holds the request until release is closed and then forwards it. If the client
// leaves first, the server never gets the request.
func Delay(release <-chan struct{}) Action {
	return Action{func(x *exchange) {
		if !await(x.r.Context(), release) {
			x.reset()
			return
		}
		x.relay()
	}}
}

// Late delays a write beyond its client, a zombie write. The client sees a reset at once,
// and the server gets the request when release is closed. [Proxy.Wait] waits for the
// delivery; Close drops a request that was not released.
func Late(release <-chan struct{}) Action {
	return Action{func(x *exchange) {
		defer x.hold()() // before the reset, so that a test can Wait after it saw the reset
		x.reset()
		if await(x.p.ctx, release) {
			_, _ = x.forward(x.p.ctx)
		}
	}}
}

// Hang neither answers nor forwards. It ends when the client leaves.
func Hang() Action { return Action{(*exchange).hang} }

// HangApplied forwards the request and holds the response until the client leaves. If the
// client is faster than the server, call [Proxy.Wait] before looking at what was applied.
func HangApplied() Action {
	return Action{func(x *exchange) {
		_, _ = x.apply() // the client gets no response; the log has the status
		x.hang()
	}}
}
