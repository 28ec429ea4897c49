package parallel_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goblin/vaultkit/internal/parallel"
)

func double(_ context.Context, n int) (int, error) { return 2 * n, nil }

func TestMap_KeepsTheOrder(t *testing.T) {
	items := make([]int, 100)
	want := make([]int, 100)
	for i := range items {
		items[i], want[i] = i, 2*i
	}
	for _, workers := range []int{1, 3, 1000} {
		if got, err := parallel.Map(t.Context(), workers, items, double); err != nil || !slices.Equal(got, want) {
			t.Errorf("Map with %d workers = %v, %v, want all results in order", workers, got, err)
		}
	}
	if got, err := parallel.Map(t.Context(), 4, nil, double); err != nil || len(got) != 0 {
		t.Errorf("Map of no items = %v, %v, want no results", got, err)
	}
}

func TestMap_LimitsItsWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int64
		start := time.Now()
		_, err := parallel.Map(t.Context(), 4, make([]int, 40), func(context.Context, int) (int, error) {
			if now := running.Add(1); now > most.Load() {
				most.Store(now)
			}
			time.Sleep(time.Second)
			running.Add(-1)
			return 0, nil
		})
		if err != nil || most.Load() != 4 || time.Since(start) != 10*time.Second {
			t.Errorf("Map makes %d calls at once and takes %v, %v, want its limit used", most.Load(), time.Since(start), err)
		}
	})
}

func TestMap_StopsAtTheFirstError(t *testing.T) {
	first := errors.New("first")
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		_, err := parallel.Map(t.Context(), 2, make([]int, 100), func(ctx context.Context, _ int) (int, error) {
			if calls.Add(1) == 1 {
				return 0, first
			}
			<-ctx.Done() // the other calls are canceled
			return 0, ctx.Err()
		})
		if !errors.Is(err, first) || calls.Load() > 3 {
			t.Errorf("Map = %v after %d calls, want the first error and few calls", err, calls.Load())
		}
	})
}

func TestMap_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := parallel.Map(ctx, 2, make([]int, 10), double); !errors.Is(err, context.Canceled) {
		t.Errorf("Map with a canceled context = %v, want Canceled", err)
	}
}
