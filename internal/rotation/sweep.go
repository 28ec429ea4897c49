package rotation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"goblin/vaultkit/internal/protocol"
)

// lookout is what a sweep goes by: the rotations of a provider, and which of them
// have a record. The present one is left out: it is listed while its record is
// written.
type lookout struct {
	ids, recorded       []protocol.ID
	idsErr, recordedErr error
	listing             sync.WaitGroup
}

// lookOut begins to list, beside the write of the record. A rotation that somebody
// else records meanwhile may look as if it had none: resolving it finds that. leave
// ends the listing, if it has not ended.
func (tx *transaction) lookOut(ctx context.Context) (leave func()) {
	ctx, cancel := context.WithTimeout(ctx, tx.RecordWait)
	l := &lookout{}
	l.listing.Go(func() { l.ids, l.idsErr = tx.backups(ctx, tx.request.Provider) })
	l.listing.Go(func() { l.recorded, l.recordedErr = tx.recorded(ctx, tx.request.Provider) })
	tx.others = l
	return func() {
		cancel()
		l.listing.Wait()
	}
}

// sweep is step 6: it resolves what earlier crashes of the provider left, as
// best it can: the rotation itself is done and recorded.
func (tx *transaction) sweep(ctx context.Context, result *Result) {
	l := tx.others
	l.listing.Wait()
	warn := func(err error) {
		result.Warnings = append(result.Warnings, fmt.Sprintf("could not look for unfinished rotations: %v", err))
	}
	if err := cmp.Or(l.idsErr, l.recordedErr); err != nil {
		warn(err)
		return
	}
	others := slices.DeleteFunc(l.ids, func(id protocol.ID) bool { return id.String() == result.Record.ID })
	resolved, _, err := tx.resolveListed(ctx, tx.request.Provider, others, l.recorded)
	for _, one := range resolved {
		if one.Outcome == protocol.Undecided {
			result.Pending = append(result.Pending, one.ID)
		}
	}
	if err != nil {
		warn(err)
	}
}
