package clock_test

import (
	"testing"
	"testing/synctest"
	"time"

	"goblin/vaultkit/internal/memvault/clock"
)

func TestAdvance_AddsToTheBubblesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c clock.Clock
		start := c.Now()
		c.Advance(time.Hour)
		c.Advance(-time.Minute)
		time.Sleep(time.Second)
		if got, want := c.Now().Sub(start), time.Hour+time.Second; got != want {
			t.Errorf("after Advance(1h) and a second, Now moved %v, want %v", got, want)
		}
	})
}
