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

// maxBody bounds a request's body; Vault's own default bound is eight times that.
const maxBody = 4 << 20

// exchange is one request on its way. Its client's context is r.Context().
type exchange struct {
	p    *Proxy
	w    http.ResponseWriter
	r    *http.Request
	body []byte
	seen *Request
}

// serve is the proxy's handler: read all, decide, act.
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

// unread gives up on a request that did not arrive whole. A client that hung up
// is part of the game, a body over the bound is a mistake of the test.
func (x *exchange) rejectUnread(err error) {
	if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok {
		x.p.addFailure(fmt.Errorf("%s request: body over %d bytes", x.r.Method, tooBig.Limit))
	}
	x.reset()
}

// rescue keeps a panic in a test's rule or hook from vanishing in net/http.
func (x *exchange) recoverPanic() {
	if v := recover(); v != nil {
		x.p.addFailure(fmt.Errorf("a rule or hook panicked: %v", v))
		x.reset()
	}
}

// relay forwards for as long as the client is there, and answers.
func (x *exchange) relay() {
	x.answer(x.forward(x.r.Context()))
}

// apply forwards whether or not the client stays.
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

// answer hands a to the client. A server that cannot be reached looks like one
// that died: a reset, not the 502 of a gateway that the client never asked for.
func (x *exchange) answer(a *answer, err error) {
	if err != nil {
		x.reset()
		return
	}
	a.writeTo(x.w, a.body)
}

// truncate announces the whole answer and sends half.
func (x *exchange) truncate(a *answer) {
	if len(a.body) > 0 {
		a.writeTo(x.w, a.body[:len(a.body)/2]) // net/http closes after a short body
		return
	}
	conn, err := x.hijack()
	if err != nil {
		return
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "HTTP/1.1 %d %s\r\nCache-Control: no-store\r\n", a.status, http.StatusText(a.status))
	_, _ = conn.Write(head.Bytes()) // to a client that may be gone
	_ = conn.Close()
}

func (x *exchange) hang() {
	<-x.r.Context().Done()
	x.reset()
}

// reset ends the connection with a TCP RST. Without the zero linger the client
// would see an orderly end, which reads as EOF and not as a failure.
func (x *exchange) reset() {
	conn, err := x.hijack()
	if err != nil {
		return // already taken, or gone
	}
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secure.NetConn() // past TLS, which would say goodbye
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails only on a dead socket
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
