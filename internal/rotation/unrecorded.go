package rotation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"goblin/vaultkit/internal/protocol"
)

// lookOut finds out what there is to sweep, beside the steps of the rotation, which do not
// depend on it. A rotation that somebody else records meanwhile may look as if it had none:
// resolving it finds that. leave ends the search, if it has not ended.
func (tx *transaction) listUnrecorded(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	list := &unrecordedList{done: make(chan struct{})}
	go func() {
		defer close(list.done)
		if tx.sourceIsRecorded(ctx) {
			return
		}
		if list.backups, list.err = tx.backups(ctx, tx.request.Provider); list.err == nil {
			list.recorded, list.err = tx.recorded(ctx, tx.request.Provider)
		}
	}()
	tx.unrecorded = list
	return func() {
		cancel()
		<-list.done
	}
}

// version is a version of a provider, and when it was made: versions start again where
// somebody deletes the provider.
type version struct {
	number  int
	created time.Time
}

// sawRecord notes that the version was made by a rotation whose record is there to stay.
func (e *Engine) rememberRecorded(provider string, number int, created time.Time) {
	e.recordedVersions.Store(provider, version{number, created.UTC()})
}

// followsARecord reports that the version being replaced was made by a rotation that has its
// record. Then nothing is listed: lists grow with the provider's history, which most
// rotations leave complete. What crashed before its commit is left to Recover: it made no
// version, so that its record can wait.
func (tx *transaction) sourceIsRecorded(ctx context.Context) bool {
	seen, _ := tx.recordedVersions.Load(tx.request.Provider)
	if seen == (version{tx.source.Version, tx.source.Created.UTC()}) {
		return true
	}
	id, found := tx.predecessor(ctx)
	if !found {
		return false
	}
	_, err := tx.readRecord(ctx, tx.request.Provider, id.String())
	return err == nil
}

// predecessor is the id of the rotation that made the version being replaced, if a rotation
// made it: the version before it says what it was.
func (tx *transaction) predecessor(ctx context.Context) (id protocol.ID, found bool) {
	if tx.source.Version < 2 {
		return protocol.ID{}, false
	}
	before, err := tx.Store.ReadVersion(ctx, providerKey(tx.request.Provider), tx.source.Version-1)
	if err != nil {
		return protocol.ID{}, false
	}
	old, err1 := protocol.Canonical(before.Data)
	next, err2 := protocol.Canonical(tx.source.Data)
	return protocol.NewID(before.Created, before.Version, old, next), err1 == nil && err2 == nil
}

// sweep is step 6: it resolves what earlier crashes of the provider left, as
// best it can: the rotation itself is done and recorded.
func (tx *transaction) recoverOthers(ctx context.Context, result *Result) {
	list := tx.unrecorded
	warn := func(err error) {
		result.Warnings = append(result.Warnings, fmt.Sprintf("could not look for unfinished rotations: %v", err))
	}
	select {
	case <-list.done:
	case <-ctx.Done():
		warn(ctx.Err())
		return
	}
	if list.err != nil {
		warn(list.err)
		return
	}
	others := slices.DeleteFunc(list.backups, func(id protocol.ID) bool { return id.String() == result.Record.ID })
	resolved, _, err := tx.resolveListed(ctx, tx.request.Provider, others, list.recorded)
	for _, resolution := range resolved {
		if resolution.Outcome == protocol.Undecided {
			result.Pending = append(result.Pending, resolution.ID)
		}
	}
	if err != nil {
		warn(err)
	}
}
