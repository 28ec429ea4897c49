package faultproxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

// maxBody limits a request's body. Vault's own default limit is eight times that.
const maxBody = 4 << 20

// exchange is a request and its response. r.Context() ends with the client.
type exchange struct {
	p    *Proxy
	w    http.ResponseWriter
	r    *http.Request
	body []byte
	seen *Request
}

// serve handles a request: it reads the body, asks the rule and runs the action.
func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	defer p.activity.begin()()
	x := &exchange{p: p, w: w, r: r}
	defer x.recoverPanic()
	var err error
	if x.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		x.rejectUnread(err)
		return
	}
	var action Action
	x.seen, action = p.requests.decide(r)
	action.run(x)
}

// rejectUnread ends a request that did not arrive whole. A client that closed the
// connection is normal in tests; a body over the limit is an error of the test.
func (x *exchange) rejectUnread(err error) {
	if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok {
		x.p.addFailure(fmt.Errorf("%s request: the body has more than %d bytes", x.r.Method, tooBig.Limit))
	}
	x.reset()
}

// recoverPanic reports a panic in a test's rule or hook. Otherwise net/http would hide it.
func (x *exchange) recoverPanic() {
	if v := recover(); v != nil {
		x.p.addFailure(fmt.Errorf("a rule or hook panicked: %v", v))
		x.reset()
	}
}

// relay forwards the request while the client is there, and sends the response.
func (x *exchange) relay() {
	x.answer(x.forward(x.r.Context()))
}

// apply forwards the request even if the client leaves.
func (x *exchange) apply() (*answer, error) {
	defer x.hold()()
	return x.forward(x.p.ctx)
}

func (x *exchange) hold() (release func()) { return x.p.activity.holdRequest(x.seen) }

func (x *exchange) forward(ctx context.Context) (*answer, error) {
	a, err := x.p.server.send(ctx, x.r, x.body)
	if err == nil {
		x.p.requests.setStatus(x.seen, a.status)
	}
	return a, err
}

// answer sends the response to the client. If the server cannot be reached, the client
// sees a reset, as from a dead server, and not a gateway's 502.
func (x *exchange) answer(a *answer, err error) {
	if err != nil {
		x.reset()
		return
	}
	a.writeTo(x.w, a.body)
}

// truncate sends the header of the whole response, but only half of its body.
func (x *exchange) truncate(a *answer) {
	if len(a.body) > 0 {
		a.writeTo(x.w, a.body[:len(a.body)/2]) // net/http closes the connection after a short body
		return
	}
	conn, err := x.hijack()
	if err != nil {
		return
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "HTTP/1.1 %d %s\r\nCache-Control: no-store\r\n", a.status, http.StatusText(a.status))
	_, _ = conn.Write(head.Bytes()) // fails if the client has left
	_ = conn.Close()
}

func (x *exchange) hang() {
	<-x.r.Context().Done()
	x.reset()
}

// reset ends the connection with a TCP RST. Without the zero linger the client would see a
// regular end of the stream.
func (x *exchange) reset() {
	conn, err := x.hijack()
	if err != nil {
		return // already hijacked or closed
	}
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secure.NetConn() // bypasses TLS, which would end the stream regularly
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails only on a closed socket
	}
	_ = conn.Close()
}

func (x *exchange) hijack() (net.Conn, error) {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	return conn, err
}

// await reports whether release was closed before ctx ended.
func await(ctx context.Context, release <-chan struct{}) bool {
	select {
	case <-release:
		return true
	case <-ctx.Done():
		return false
	}
}
