package parallel_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goblin/vaultkit/internal/parallel"
)

// load is a function that takes some time. It counts its calls, and how many run at once.
type load struct{ begun, now, most atomic.Int64 }

func (l *load) run(item int) int {
	l.begun.Add(1)
	now := l.now.Add(1)
	defer l.now.Add(-1)
	for most := l.most.Load(); now > most && !l.most.CompareAndSwap(most, now); most = l.most.Load() {
	}
	time.Sleep(time.Duration(item%3+1) * time.Second) // in a bubble's time
	return item * item
}

func upTo(n int) (items []int) {
	for i := range n {
		items = append(items, i)
	}
	return items
}

func TestStream_YieldsAllInOrder(t *testing.T) {
	for _, n := range []int{0, 1, 3, 4, 100} {
		synctest.Test(t, func(t *testing.T) {
			var l load
			var got, want []int
			for result := range parallel.Stream(4, upTo(n), l.run) {
				got = append(got, result)
			}
			for i := range n {
				want = append(want, i*i)
			}
			if !slices.Equal(got, want) || l.begun.Load() != int64(n) {
				t.Errorf("Stream of %d items = %v in %d calls, want each item once", n, got, l.begun.Load())
			}
			if most := l.most.Load(); most != int64(min(4, n)) {
				t.Errorf("Stream of %d items makes %d calls at once, want at most the workers", n, most)
			}
		})
	}
}

// TestStream_WaitsForTheLoop checks that a slow loop limits the calls.
func TestStream_WaitsForTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l load
		taken := int64(0)
		for range parallel.Stream(2, upTo(100), l.run) {
			taken++
			time.Sleep(time.Hour)
			if ahead := l.begun.Load() - taken; ahead > 2*4 {
				t.Fatalf("%d calls ahead of the loop, want at most workers times lookahead", ahead)
			}
		}
	})
}

func TestStream_EndsWithTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l load
		for range parallel.Stream(1, upTo(100), l.run) {
			break
		}
		// The one whose turn came when the first was done.
		if begun, now := l.begun.Load(), l.now.Load(); begun > 2 || now != 0 {
			t.Errorf("%d calls begun, %d still running after the loop, want few and none", begun, now)
		}
	})
}
