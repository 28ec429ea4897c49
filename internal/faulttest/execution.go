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

// nobodyListens is a port of this machine where no server is: connections are
// refused for real.
const closedAddress = "127.0.0.1:1"

// execution is one run of an operation, under a schedule's faults. It travels in the
// operation's context, whose values outlive even context.WithoutCancel.
type execution struct {
	name     string
	provider string
	actions  *actions
	faults   []Fault
	rivals   map[int]func()             // what happens before the nth request
	killAt   func(*http.Request) string // where the process dies, by which kind; nil: by its faults only
	ctx      *cancelContext

	traffic sync.RWMutex  // held by requests on their way; whole by a rival: all stand still meanwhile
	dead    chan struct{} // closed when the process dies
	over    chan struct{} // closed when the schedule is over, for the dead to be cleared away

	mu        sync.Mutex
	requests  []string
	numbering *numbering
	fired     map[int]bool // requests whose fault or rival happened
	cut       bool
	zombies   []*zombie
}

// zombie is a request that its client has given up on, and that will arrive.
type zombie struct {
	due                int // before this request of the operation, or beforeEnding, or afterEnding
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

// detached is the request as it goes on without its client.
func (q *request) detached() *request {
	return &request{q.Clone(context.WithoutCancel(q.Context())), q.n, q.next}
}

// Transport wraps the transport of a client whose operations a driver runs.
// Requests of none, such as a token's renewal, pass.
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

// admit lets a rival in, once what is on its way has arrived. To a dead process it
// makes no difference any more.
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

// faultOf is what happens to a request.
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

// enter numbers a request.
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

// allFired reports whether the run was what its schedule's name says: nobody was
// late for want of further requests, either.
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

// through has the fault proxy do the action to the request.
func (p *execution) viaProxy(action faultproxy.Action, q *request) (*http.Response, error) {
	tagged := q.Clone(q.Context())
	tagged.Header.Set(faultproxy.TagHeader, p.actions.register(fmt.Sprintf("%s#%d", p.name, q.n), action))
	return q.send(tagged)
}

// late sends a request that is applied when it is due. It arrives even if its client
// ends meanwhile, of what befalls a request beside it for instance: whoever delivers
// it waits for it.
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

// deliver applies what is due before the operation's nth request.
func (p *execution) deliverDue(n int) {
	p.deliverZombies(func(z *zombie) bool { return z.due > 0 && z.due <= n })
}

// deliverAt applies what is due before or after the ending: the oldest first
// before it, the newest first after it.
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
		case <-p.ctx.Context.Done(): // the schedule hangs, and will say so
		}
	}
	return len(now) > 0
}

// cutOff takes the network away.
func (p *execution) cutOff() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
}

func (p *execution) die() { close(p.dead) }

// blockDead keeps a dead process from going on, until its schedule is over.
func (p *execution) blockDead() (*http.Response, error) {
	<-p.over
	return nil, &vaulterr.Error{Kind: vaulterr.ErrClosed, Err: errors.New("the process died")}
}
