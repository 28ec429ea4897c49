package faulttest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"goblin/vaultkit/internal/faultproxy"
)

// Driver runs schedules. Its fields must be set before the first one.
type Driver struct {
	Observer *Observer
	// Rivals are the actors that may run in between, by name. A rival adds to the history what it
	// did and what it was told.
	Rivals map[string]Act
	// Recover is a recovery by another client.
	Recover func(ctx context.Context, run *Run) Response

	proxy   *faultproxy.Proxy
	actions actions
	runs    atomic.Int64
	running sync.WaitGroup // operations, also those whose process died
	// timeout limits a schedule, which waits only for Vault.
	timeout time.Duration
}

// NewDriver returns a driver whose clients reach Vault through the proxy. The driver owns the
// proxy.
func NewDriver(proxy *faultproxy.Proxy) *Driver {
	d := &Driver{proxy: proxy, timeout: 2 * time.Minute}
	proxy.SetRule(d.actions.rule)
	return d
}

// Act is what a rival does to a run's provider.
type Act func(ctx context.Context, run *Run) error

// Operation is what a schedule disturbs.
type Operation struct {
	Name string
	// Prepare creates the provider.
	Prepare Act
	// Wants returns the change that the prepared operation will make.
	Wants func(run *Run) Change
	// Run runs the operation, by a client with the driver's transport.
	Run func(ctx context.Context, run *Run) Response
	// Rerun runs the operation again, by another client.
	Rerun func(ctx context.Context, run *Run) Response
	// Once means that a second run is refused after a success.
	Once bool
	// Contested means that a rival may make the operation fail.
	Contested bool
	// Refused means that the operation is refused even if it is undisturbed.
	Refused bool
	// Rivals are the names of the rivals that may run in between.
	Rivals []string
	// Endings and OneEnding say how its schedules end: see [Space].
	Endings   []string
	OneEnding bool

	trace requestTrace // set by Count
}

// Run is the run of one schedule, on its own provider.
type Run struct {
	*History
	// Target is the rotation id that the operation is about. Prepare sets it.
	Target string

	driver     *Driver
	op         *Operation
	schedule   Schedule
	executions []*execution
	found      []Violation
}

// Count returns the requests of an undisturbed run, as "METHOD path" with stars for the
// provider and the path below it. From then on the operation's requests are numbered by them.
func (d *Driver) Count(ctx context.Context, op *Operation) ([]string, error) {
	run := d.newRun(op, Schedule{Operation: op.Name})
	defer run.cleanUp()
	if err := op.Prepare(ctx, run); err != nil {
		return nil, err
	}
	p := run.newExecution(ctx, nil)
	if response := op.Run(p.context(), run); !op.fits(response.Status) {
		return nil, fmt.Errorf("%s, undisturbed: %s", op.Name, response)
	}
	op.trace = newRequestTrace(p.requests)
	return op.trace, nil
}

// fits reports whether an undisturbed operation may have this status.
func (op *Operation) fits(status Status) bool {
	return status == Succeeded && !op.Refused || status == Failed && op.Refused
}

func (d *Driver) newRun(op *Operation, schedule Schedule) *Run {
	provider := fmt.Sprintf("p%d", d.runs.Add(1))
	return &Run{History: NewHistory(d.Observer, provider), driver: d, op: op, schedule: schedule}
}

func (t *Run) newExecution(ctx context.Context, faults []Fault) *execution {
	p := &execution{
		name: t.schedule.String(), actions: &t.driver.actions, faults: faults, ctx: newCancelContext(ctx),
		provider: t.Provider, numbering: requestTrace(nil).begin(), rivals: map[int]func(){}, fired: map[int]bool{}, dead: make(chan struct{}), over: make(chan struct{}),
	}
	t.executions = append(t.executions, p)
	return p
}

// Kill runs an operation until its first request with this method and path. There its process
// dies with this kind of fault.
func (t *Run) Kill(ctx context.Context, op *Operation, method, path, kind string) error {
	p := t.newExecution(ctx, nil)
	p.killAt = func(r *http.Request) string {
		if r.Method == method && strings.Contains(r.URL.Path, path) {
			return kind
		}
		return ""
	}
	response := t.perform(p, op)
	if response.Status != Died {
		return fmt.Errorf("it was to die, and %s", response)
	}
	return nil
}

// DeliverAll delivers every late request of the processes that died.
func (t *Run) DeliverAll() {
	for _, p := range t.executions {
		select {
		case <-p.dead:
			p.deliverZombies(func(*zombie) bool { return true })
		default:
		}
	}
}

// perform runs an operation until it returns or dies, and adds its response to the history.
func (t *Run) perform(p *execution, op *Operation) (response Response) {
	finish := t.start(Response{Actor: op.Name, Wants: op.Wants(t)})
	defer func() { finish(response) }()
	done := make(chan Response, 1)
	t.driver.running.Go(func() { done <- op.Run(p.context(), t) })
	select {
	case response := <-done:
		return response
	case <-p.dead:
		return Response{Actor: op.Name, Wants: op.Wants(t), Status: Died}
	}
}

// Close waits until all runs are cleaned up.
func (d *Driver) Close() { d.running.Wait() }

// cleanUp ends the processes that died, and delivers what is on its way.
func (t *Run) cleanUp() {
	for _, p := range t.executions {
		close(p.over)
		p.ctx.cancel(context.Canceled)
		p.deliverZombies(func(*zombie) bool { return true })
	}
}
