package rotation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"goblin/vaultkit/internal/protocol"
)

// listUnrecorded starts to list the rotations without a record, while the steps of the rotation
// run. Another client may record one of them meanwhile: resolving it finds that record. stop
// ends the search.
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

// version is a provider's version and the time when it was created. The number alone is not
// unique: numbers start at 1 again after the provider was deleted.
type version struct {
	number  int
	created time.Time
}

// rememberRecorded remembers that the rotation which created the version has a record.
func (e *Engine) rememberRecorded(provider string, number int, created time.Time) {
	e.recordedVersions.Store(provider, version{number, created.UTC()})
}

// sourceIsRecorded reports whether the version being replaced was created by a rotation that
// has a record. Then nothing is listed: lists grow with the provider's history, and most
// rotations leave none unrecorded. Recover handles a rotation that crashed before its commit:
// it created no version, so its record can wait.
func (tx *transaction) sourceIsRecorded(ctx context.Context) bool {
	seen, _ := tx.recordedVersions.Load(tx.request.Provider)
	if seen == (version{tx.source.Version, tx.source.Created.UTC()}) {
		return true
	}
	id, found := tx.predecessor(ctx)
	if !found || id == tx.id { // a resumed rotation created that version itself
		return false
	}
	_, err := tx.readRecord(ctx, tx.request.Provider, id.String())
	return err == nil
}

// predecessor returns the id of the rotation that created the version being replaced, if a
// rotation created it. The id follows from that version and the one before.
func (tx *transaction) predecessor(ctx context.Context) (id protocol.ID, found bool) {
	if tx.source.Version < 2 {
		return protocol.ID{}, false
	}
	before, err := tx.Store.ReadVersion(ctx, providerEntry(tx.request.Provider), tx.source.Version-1)
	if err != nil {
		return protocol.ID{}, false
	}
	old, err1 := protocol.Canonical(before.Data)
	next, err2 := protocol.Canonical(tx.source.Data)
	return protocol.NewID(before.Created, before.Version, old, next), err1 == nil && err2 == nil
}

// recoverOthers is step 6. It recovers the provider's unrecorded rotations. If it succeeds, the next
// rotation by this client does not list them again. A failure is only a warning, because the
// rotation itself is committed and recorded.
func (tx *transaction) recoverOthers(ctx context.Context, result *Result) {
	list := tx.unrecorded
	warn := func(err error) {
		result.Warnings = append(result.Warnings, fmt.Sprintf("could not check for unfinished rotations, run recover: %v", err))
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
		return
	}
	if result.Record.Backup != "" { // another rotation may have made the same change as a restore
		tx.rememberRecorded(tx.request.Provider, result.Record.NewVersion, result.Record.CommittedAt)
	}
}
