package faulttest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"goblin/vaultkit/internal/protocol"
)

// Violation is an invariant that does not hold, and why.
type Violation struct{ Invariant, Why string }

func (v Violation) String() string { return v.Invariant + ": " + v.Why }

// History records what happens to one provider. It is safe for concurrent use.
type History struct {
	Provider string
	observer *Observer

	mu          sync.Mutex
	prunes      bool // recorded backups may disappear
	responses   []Response
	foreign     map[int]map[string]any // what foreign writers wrote, by version
	deleted     map[int]bool           // what foreign writers soft-deleted
	pruned      map[string]bool        // backups that a prune was allowed to delete
	revokedKeys []*revokedKey          // keys that were passed to the provider's API to be revoked
	known       *Facts                 // the last facts, with values from earlier reads
	facts       *Facts                 // the last facts as they were read
}

// NewHistory returns the history of a provider that does not exist yet.
func NewHistory(observer *Observer, provider string) *History {
	return &History{Provider: provider, observer: observer,
		foreign: map[int]map[string]any{}, deleted: map[int]bool{}, pruned: map[string]bool{}}
}

// AddResponse adds what an actor asked for and what it was told.
func (w *History) AddResponse(response Response) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.responses = append(w.responses, response)
}

// start adds an actor that is running. finish replaces its response.
func (w *History) start(response Response) (finish func(Response)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.responses)
	response.Status = Running
	w.responses = append(w.responses, response)
	return func(response Response) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.responses[n] = response
	}
}

// AddForeignWrite adds a version that a foreign writer wrote.
func (w *History) AddForeignWrite(version int, data map[string]any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.foreign[version] = data
}

// AddDeletion adds a version that a foreign writer soft-deleted.
func (w *History) AddDeletion(version int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deleted[version] = true
}

// AllowPruning allows backups to disappear from now on. The caller must check the run before it
// prunes, because a backup that was never seen cannot be missed.
func (w *History) AllowPruning() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.prunes = true
}

// Log returns the whole history as text.
func (w *History) Log() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var lines []string
	for k, data := range w.foreign {
		lines = append(lines, fmt.Sprintf("version %d is a foreign writer's: %v", k, data["api_key"]))
	}
	slices.Sort(lines)
	for _, response := range w.responses {
		lines = append(lines, clipped(response.String()))
	}
	return strings.Join(lines, "\n")
}

// Check reads Vault and returns the violations of the invariants that hold in every state,
// while actors may be running.
func (w *History) Check(ctx context.Context) ([]Violation, error) {
	return w.check(ctx, &Facts{}, false)
}

// CheckAtRest is Check after all actors have stopped and one recovery has finished. More
// invariants hold then.
func (w *History) CheckAtRest(ctx context.Context) ([]Violation, error) {
	return w.check(ctx, &Facts{}, true)
}

// checkAgain is Check without reading again what the last check has read. A full check at the
// end of the schedule finds values that were overwritten.
func (w *History) checkAgain(ctx context.Context, atRest bool) ([]Violation, error) {
	w.mu.Lock()
	before := w.facts
	w.mu.Unlock()
	if before == nil {
		before = &Facts{}
	}
	return w.check(ctx, before, atRest)
}

func (w *History) check(ctx context.Context, before *Facts, atRest bool) ([]Violation, error) {
	facts, err := w.observer.readAgain(ctx, w.Provider, before)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.facts = facts.clone()
	c := &checker{Facts: facts, history: w}
	if w.known != nil {
		c.checkNothingLost(w.known)
	}
	w.known = facts
	c.checkValues()
	c.checkBackups()
	c.checkRecords()
	c.checkResponses()
	c.checkRevokedKeys()
	c.checkNewestBackup()
	if atRest {
		c.checkAllRecorded()
		c.checkUndecided()
	}
	return c.violations, nil
}

// checker checks the facts of one read.
type checker struct {
	*Facts
	history    *History
	violations []Violation
}

func (c *checker) violated(invariant, format string, args ...any) {
	c.violations = append(c.violations, Violation{invariant, fmt.Sprintf(format, args...)})
}

// author is who wrote a version.
type author string

const (
	nobody     author = "nobody"
	unreadable author = "unreadable"
	foreigner  author = "a foreign writer"
	rotator    author = "a rotation"
	fencer     author = "a fence"
)

// author returns who wrote version k: a foreign writer that said so, or an actor whose change
// explains it.
func (c *checker) author(k int) author {
	data := c.Versions[k].Data
	switch foreign, ok := c.history.foreign[k]; {
	case data == nil:
		return unreadable
	case ok && same(foreign, data):
		return foreigner
	case ok || k == 1:
		return nobody
	case c.Versions[k-1].Data == nil:
		return unreadable
	}
	who := nobody
	for _, response := range c.history.responses {
		if !response.Wants.explains(c.Facts, k) {
			continue
		}
		if response.Wants.changesData() {
			return rotator
		}
		who = fencer
	}
	return who
}

// matches reports whether the id is that of the change from its source version to the next.
// known is false if one of the two versions cannot be read.
func (c *checker) matches(id protocol.ID) (matches, known bool) {
	old, next := c.Versions[id.Source], c.Versions[id.Source+1]
	if id.Source+1 > c.Current {
		return false, true
	}
	if wanted, restores := c.restores(id); restores {
		return id.InForce.Equal(old.Created) && same(wanted, next.Data), next.Data != nil
	}
	if old.Data == nil || next.Data == nil {
		return false, false
	}
	return id.InForce.Equal(old.Created) && id.Matches(canonical(old.Data), canonical(next.Data)), true
}

func canonical(data map[string]any) []byte {
	text, err := protocol.Canonical(data)
	if err != nil {
		panic(err) // the tests write only values that Vault can store
	}
	return text
}
