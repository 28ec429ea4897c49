package parallel

import (
	"iter"
	"sync"
)

// lookahead is the number of items per worker that may be started or done before the one
// that the loop waits for. A slow item does not stop the others at once.
const lookahead = 4

// Stream calls fn for every item, with at most workers calls at once, and yields the
// results in the order of the items. It does not run far ahead of the loop. If the loop
// ends early, Stream starts no more calls and waits for those that run.
func Stream[T, R any](workers int, items []T, fn func(T) R) iter.Seq[R] {
	type job struct {
		item   T
		result chan R
	}
	return func(yield func(R) bool) {
		workers := min(workers, len(items)) // more workers would be idle
		ahead := min(workers*lookahead, len(items))
		jobs, results := make(chan job, ahead), make(chan chan R, ahead)
		left := make(chan struct{})
		var group sync.WaitGroup
		for range workers {
			group.Go(func() {
				for one := range jobs {
					select {
					case <-left:
					default:
						one.result <- fn(one.item)
					}
				}
			})
		}
		defer group.Wait()
		defer close(jobs)
		defer close(left)
		queue := func(item T) {
			one := job{item, make(chan R, 1)}
			results <- one.result
			jobs <- one
		}
		for _, item := range items[:ahead] {
			queue(item)
		}
		for i := range items {
			if !yield(<-<-results) {
				return
			}
			if next := i + ahead; next < len(items) {
				queue(items[next])
			}
		}
	}
}
