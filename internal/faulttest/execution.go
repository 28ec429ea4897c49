package faulttest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulterr"
)

// closedAddress is a port without a server, so that the system refuses connections.
const closedAddress = "127.0.0.1:1"

// execution is one run of an operation under a schedule's faults. It is a value of the
// operation's context, where it survives context.WithoutCancel.
type execution struct {
	name     string
	provider string
	actions  *actions
	faults   []Fault
	rivals   map[int]func()             // run before the nth request
	killAt   func(*http.Request) string // the kind of fault by which the process dies at this request; nil: none
	ctx      *cancelContext

	traffic sync.RWMutex  // read-locked by requests on their way, locked by a rival
	dead    chan struct{} // closed when the process dies
	over    chan struct{} // closed when the schedule is over, so that blockDead returns

	mu        sync.Mutex
	requests  []string
	numbering *numbering
	fired     map[int]bool // requests that met their fault or rival
	cut       bool
	zombies   []*zombie
}

// zombie is a request that its client has given up, and that will still arrive.
type zombie struct {
	due                int // the number of the request before which it arrives, or beforeEnding or afterEnding
	release, delivered chan struct{}
}

type executionKey struct{}

func (p *execution) context() context.Context { return context.WithValue(p.ctx, executionKey{}, p) }

// request is a request on its way through the client's transport.
type request struct {
	*http.Request
	n    int
	next http.RoundTripper
}

func (q *request) send(r *http.Request) (*http.Response, error) { return q.next.RoundTrip(r) }

// detached returns the request without its client's context.
func (q *request) detached() *request {
	return &request{q.Clone(context.WithoutCancel(q.Context())), q.n, q.next}
}

// Transport wraps the transport of a client whose operations the driver runs. It changes
// nothing for other requests, such as the renewal of a token.
func (d *Driver) Transport(next http.RoundTripper) http.RoundTripper {
	return transport{next}
}

type transport struct{ next http.RoundTripper }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	p, ok := r.Context().Value(executionKey{}).(*execution)
	if !ok {
		return t.next.RoundTrip(r)
	}
	n, alive, cut := p.number(r)
	q := &request{r, n, t.next}
	switch {
	case !alive:
		return p.blockDead()
	case cut:
		return p.refuse(q)
	}
	if !mayBeConcurrent(r) {
		p.deliverDue(n)
	}
	if rival := p.rivals[n]; rival != nil && !p.interrupt(n, rival) {
		return p.blockDead()
	}
	p.traffic.RLock()
	defer p.traffic.RUnlock()
	if fault, ok := p.faultFor(q); ok {
		return fault(p, q)
	}
	return t.next.RoundTrip(r)
}

// interrupt runs the rival while no request is on its way. It reports false if the process
// died.
func (p *execution) interrupt(n int, rival func()) (alive bool) {
	p.traffic.Lock()
	defer p.traffic.Unlock()
	select {
	case <-p.dead:
		return false
	default:
	}
	p.markFired(n)
	rival()
	return true
}

// faultFor returns the fault for a request.
func (p *execution) faultFor(q *request) (func(*execution, *request) (*http.Response, error), bool) {
	if p.killAt != nil {
		fatal, ok := kinds[p.killAt(q.Request)]
		return fatal.do, ok
	}
	for _, fault := range p.faults {
		if kind := kinds[fault.Kind]; fault.N == q.n && (!kind.write || writes(q.Request)) {
			p.markFired(q.n)
			return kind.do, true
		}
	}
	return nil, false
}

// number gives the request its number.
func (p *execution) number(r *http.Request) (n int, alive, cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.dead:
		return 0, false, false
	default:
	}
	line := lineOf(r, p.provider)
	n = p.numbering.next(line)
	p.requests = append(p.requests, fmt.Sprintf("%3d %s", n, line))
	return n, true, p.cut
}

func (p *execution) markFired(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fired[n] = true
}

// allFired reports whether every fault and rival of the schedule met a request, and every late
// request had a request to be delivered before.
func (p *execution) allFired() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, fault := range p.faults {
		if !p.fired[fault.N] {
			return false
		}
	}
	for n := range p.rivals {
		if !p.fired[n] {
			return false
		}
	}
	return !slices.ContainsFunc(p.zombies, func(z *zombie) bool { return z.due > 0 })
}

func (p *execution) refuse(q *request) (*http.Response, error) {
	refused := q.Clone(q.Context())
	refused.URL.Host = closedAddress
	return q.send(refused)
}

// viaProxy sends the request to the fault proxy, which applies the action to it.
func (p *execution) viaProxy(action faultproxy.Action, q *request) (*http.Response, error) {
	tagged := q.Clone(q.Context())
	tagged.Header.Set(faultproxy.TagHeader, p.actions.register(fmt.Sprintf("%s#%d", p.name, q.n), action))
	return q.send(tagged)
}

// late sends a request that is applied when it is due, even if its client ends before. Its
// delivery waits until it is applied.
func (p *execution) late(wait int, q *request) (*http.Response, error) {
	z := &zombie{due: wait, release: make(chan struct{}), delivered: make(chan struct{})}
	if wait > 0 {
		z.due += q.n
	}
	p.mu.Lock()
	p.zombies = append(p.zombies, z)
	p.mu.Unlock()
	return p.viaProxy(faultproxy.Late(z.release).Then(func() { close(z.delivered) }), q.detached())
}

// deliverDue delivers the requests that are due before the operation's nth request.
func (p *execution) deliverDue(n int) {
	p.deliverZombies(func(z *zombie) bool { return z.due > 0 && z.due <= n })
}

// deliverAt delivers the requests that are due before the ending, the oldest first, or after
// it, the newest first.
func (p *execution) deliverAt(when int) bool {
	if when == afterEnding {
		p.mu.Lock()
		slices.Reverse(p.zombies)
		p.mu.Unlock()
	}
	return p.deliverZombies(func(z *zombie) bool { return z.due == when || z.due > 0 })
}

func (p *execution) deliverZombies(due func(*zombie) bool) (some bool) {
	p.mu.Lock()
	var now []*zombie
	p.zombies = slices.DeleteFunc(p.zombies, func(z *zombie) bool {
		if due(z) {
			now = append(now, z)
			return true
		}
		return false
	})
	p.mu.Unlock()
	for _, z := range now {
		close(z.release)
		select {
		case <-z.delivered:
		case <-p.ctx.Context.Done(): // the schedule timed out, and execute reports that
		}
	}
	return len(now) > 0
}

// cutOff makes every further request fail.
func (p *execution) cutOff() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
}

func (p *execution) die() { close(p.dead) }

// blockDead blocks a dead process until its schedule is over.
func (p *execution) blockDead() (*http.Response, error) {
	<-p.over
	return nil, &vaulterr.Error{Kind: vaulterr.ErrClosed, Err: errors.New("the process died")}
}
