// Package parallel calls a function for each item of a list with limited concurrency. It
// is our own code because the library has only three dependencies.
package parallel

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
)

// Map calls fn for every item, with at most workers calls at once, and returns the results
// in the order of the items. The first error cancels the other calls and is returned. If
// ctx ends, Map returns its error.
func Map[T, R any](ctx context.Context, workers int, items []T, fn func(context.Context, T) (R, error)) ([]R, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make([]R, len(items))
	var begun atomic.Int64
	var group sync.WaitGroup
	var failing sync.Once
	var failure error
	for range min(workers, len(items)) {
		group.Go(func() {
			for ctx.Err() == nil {
				i := int(begun.Add(1)) - 1
				if i >= len(items) {
					return
				}
				result, err := fn(ctx, items[i])
				if err != nil {
					failing.Do(func() { failure = err })
					cancel()
				}
				results[i] = result
			}
		})
	}
	group.Wait()
	return results, cmp.Or(failure, ctx.Err())
}
