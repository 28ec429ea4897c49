package backoff_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"goblin/vaultkit/internal/backoff"
)

func TestDelay_GrowsWithinItsLimits(t *testing.T) {
	b := backoff.Backoff{Min: 100 * time.Millisecond, Max: time.Second}
	for failed, ceiling := range map[int]time.Duration{1: 100, 2: 200, 3: 400, 4: 800, 5: 1000, 60: 1000} {
		ceiling *= time.Millisecond
		for range 200 {
			if d := b.Delay(failed); d < ceiling/2 || d > ceiling {
				t.Fatalf("Delay(%d) = %v, want within [%v, %v]", failed, d, ceiling/2, ceiling)
			}
		}
	}
}

func TestDelay_OfTheZeroValue(t *testing.T) {
	var b backoff.Backoff
	if d := b.Delay(1); d < 25*time.Millisecond || d > 50*time.Millisecond {
		t.Errorf("Delay(1) = %v, want 25 to 50 ms", d)
	}
	if d := b.Delay(100); d < time.Second || d > 2*time.Second {
		t.Errorf("Delay(100) = %v, want 1 to 2 s", d)
	}
}

func TestWait_EndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		err := backoff.Backoff{Min: time.Hour, Max: time.Hour}.Wait(ctx, 1)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 10*time.Second {
			t.Errorf("Wait = %v after %v, want DeadlineExceeded after 10s", err, time.Since(start))
		}
		if err := (backoff.Backoff{}).Wait(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait with an ended context = %v, want DeadlineExceeded", err)
		}
	})
}

func TestWait_SleepsForItsDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := (backoff.Backoff{Min: time.Second, Max: time.Second}).Wait(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 500*time.Millisecond || took > time.Second {
			t.Errorf("Wait took %v, want 0.5 to 1 s", took)
		}
	})
}
