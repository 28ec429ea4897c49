package parallel

import (
	"iter"
	"sync"
)

// lookahead is how many items per worker may be begun or done ahead of the one that
// the loop waits for: a slow one does not stop the others at once.
const lookahead = 4

// Stream calls fn for every item, at most workers at once, and yields the results
// in the order of the items, not far ahead of the loop. Leaving the loop begins no
// more items and waits for those that run.
func Stream[T, R any](workers int, items []T, fn func(T) R) iter.Seq[R] {
	return func(yield func(R) bool) {
		ahead := min(workers*lookahead, len(items))
		results := make(chan chan R, ahead)
		turn := make(chan struct{}, workers)
		left := make(chan struct{})
		var begun sync.WaitGroup
		defer begun.Wait()
		defer close(left)
		begin := func(item T) {
			result := make(chan R, 1)
			results <- result
			begun.Go(func() {
				turn <- struct{}{}
				defer func() { <-turn }()
				select {
				case <-left:
				default:
					result <- fn(item)
				}
			})
		}
		for _, item := range items[:ahead] {
			begin(item)
		}
		for i := range items {
			if !yield(<-<-results) {
				return
			}
			if next := i + ahead; next < len(items) {
				begin(items[next])
			}
		}
	}
}
