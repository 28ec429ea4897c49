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

// Driver plays schedules. Its fields are set before the first.
type Driver struct {
	Observer *Observer
	// Rivals are what may come in between, by name. A rival tells the witness
	// itself what it did and was told.
	Rivals map[string]Act
	// Recover is a recovery by another client.
	Recover func(ctx context.Context, trial *Trial) Claim

	wire    *faultproxy.Proxy
	actions actions
	trials  atomic.Int64
	running sync.WaitGroup // operations, the dead among them
	// hung bounds a schedule: nothing in it waits for anything but Vault.
	hung time.Duration
}

// NewDriver makes a driver whose clients reach Vault through the proxy, which is
// the driver's from now on.
func NewDriver(proxy *faultproxy.Proxy) *Driver {
	d := &Driver{wire: proxy, hung: 2 * time.Minute}
	proxy.SetRule(d.actions.rule)
	return d
}

// Act is what somebody does to a trial's provider.
type Act func(ctx context.Context, trial *Trial) error

// Operation is what a schedule disturbs.
type Operation struct {
	Name string
	// Prepare makes the provider.
	Prepare Act
	// Wants is what the operation is about to change, once prepared.
	Wants func(trial *Trial) Change
	// Run is the operation, by a client with the driver's transport.
	Run func(ctx context.Context, trial *Trial) Claim
	// Rerun is the same again, by another client.
	Rerun func(ctx context.Context, trial *Trial) Claim
	// Once: when it is done, doing it again is rightly refused.
	Once bool
	// Contested: what a rival does may rightly keep it from being done.
	Contested bool
	// Refused: undisturbed it is rightly refused.
	Refused bool
	// Rivals are who may come in between.
	Rivals []string
	// Endings and OneEnding say how its schedules end: see [Space].
	Endings   []string
	OneEnding bool

	course course // set by Count
}

// Trial is a schedule being played on a provider of its own.
type Trial struct {
	*Witness
	// Target is the id an operation is about, for its Prepare to set.
	Target string

	driver   *Driver
	op       *Operation
	schedule Schedule
	plays    []*play
	found    []Violation
}

// Count returns the requests of an undisturbed run, as "METHOD path" with stars for
// the provider and what is below it. From then on the operation's requests are
// numbered by them.
func (d *Driver) Count(ctx context.Context, op *Operation) ([]string, error) {
	trial := d.newTrial(op, Schedule{Operation: op.Name})
	defer trial.over()
	if err := op.Prepare(ctx, trial); err != nil {
		return nil, err
	}
	p := trial.newPlay(ctx, nil)
	if claim := op.Run(p.context(), trial); !op.fits(claim.Verdict) {
		return nil, fmt.Errorf("%s, undisturbed: %s", op.Name, claim)
	}
	op.course = newCourse(p.requests)
	return op.course, nil
}

// fits reports what an operation may be told that nobody disturbs.
func (op *Operation) fits(verdict Verdict) bool {
	return verdict == Succeeded && !op.Refused || verdict == Failed && op.Refused
}

func (d *Driver) newTrial(op *Operation, schedule Schedule) *Trial {
	provider := fmt.Sprintf("p%d", d.trials.Add(1))
	return &Trial{Witness: NewWitness(d.Observer, provider), driver: d, op: op, schedule: schedule}
}

func (t *Trial) newPlay(ctx context.Context, faults []Fault) *play {
	p := &play{
		name: t.schedule.String(), wire: &t.driver.actions, faults: faults, ctx: newEndable(ctx),
		provider: t.Provider, numbers: course(nil).begin(), rivals: map[int]func(){}, fired: map[int]bool{}, dead: make(chan struct{}), over: make(chan struct{}),
	}
	t.plays = append(t.plays, p)
	return p
}

// Kill runs an operation up to its first request of this method and path, where
// its process dies by this kind of fault.
func (t *Trial) Kill(ctx context.Context, op *Operation, method, path, kind string) error {
	p := t.newPlay(ctx, nil)
	p.killAt = func(r *http.Request) string {
		if r.Method == method && strings.Contains(r.URL.Path, path) {
			return kind
		}
		return ""
	}
	claim := t.perform(p, op)
	if claim.Verdict != Died {
		return fmt.Errorf("it was to die, and %s", claim)
	}
	return nil
}

// Arrive delivers every late request that those who died have left.
func (t *Trial) Arrive() {
	for _, p := range t.plays {
		select {
		case <-p.dead:
			p.arrive(func(*zombie) bool { return true })
		default:
		}
	}
}

// perform runs an operation until it returns or dies, and tells the witness.
func (t *Trial) perform(p *play, op *Operation) (claim Claim) {
	told := t.begun(Claim{Who: op.Name, Wants: op.Wants(t)})
	defer func() { told(claim) }()
	done := make(chan Claim, 1)
	t.driver.running.Go(func() { done <- op.Run(p.context(), t) })
	select {
	case claim := <-done:
		return claim
	case <-p.dead:
		return Claim{Who: op.Name, Wants: op.Wants(t), Verdict: Died}
	}
}

// Close waits for what is still to be cleared away of the trials.
func (d *Driver) Close() { d.running.Wait() }

// over clears away what has died, and delivers what is still on its way.
func (t *Trial) over() {
	for _, p := range t.plays {
		close(p.over)
		p.ctx.end(context.Canceled)
		p.arrive(func(*zombie) bool { return true })
	}
}
