package rotation

import (
	"context"
	"fmt"
	"slices"

	"goblin/vaultkit/internal/protocol"
)

// lookout is what a sweep goes by: the rotations of a provider, and which of them
// have a record. The present one is left out: it is listed while it goes on.
type lookout struct {
	ids, recorded []protocol.ID
	err           error
	listed        chan struct{} // closed when the above is known
}

// lookOut begins to list, beside the steps of the rotation, which do not depend on it.
// A rotation that somebody else records meanwhile may look as if it had none:
// resolving it finds that. leave ends the listing, if it has not ended.
func (tx *transaction) lookOut(ctx context.Context) (leave func()) {
	ctx, cancel := context.WithCancel(ctx)
	l := &lookout{listed: make(chan struct{})}
	go func() {
		defer close(l.listed)
		if l.ids, l.err = tx.backups(ctx, tx.request.Provider); l.err == nil {
			l.recorded, l.err = tx.recorded(ctx, tx.request.Provider)
		}
	}()
	tx.others = l
	return func() {
		cancel()
		<-l.listed
	}
}

// sweep is step 6: it resolves what earlier crashes of the provider left, as
// best it can: the rotation itself is done and recorded.
func (tx *transaction) sweep(ctx context.Context, result *Result) {
	l := tx.others
	warn := func(err error) {
		result.Warnings = append(result.Warnings, fmt.Sprintf("could not look for unfinished rotations: %v", err))
	}
	select {
	case <-l.listed:
	case <-ctx.Done():
		warn(ctx.Err())
		return
	}
	if l.err != nil {
		warn(l.err)
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
