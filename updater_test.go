package vaultkit

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var errBroken = errors.New("broken")

func TestUpdater_ClosesReplacedValuesAfterTheGrace(t *testing.T) {
	onBench(t, func(t *testing.T, b *bench) {
		u := b.begin(t)
		b.renew("fake-new")
		b.shows(t, u, "for fake-new", nil)
		time.Sleep(defaultGrace / 2)
		b.renew("fake-newer")
		time.Sleep(defaultGrace/2 - time.Millisecond)
		b.wantClosed(t)
		time.Sleep(time.Millisecond)
		b.wantClosed(t, "for fake-old")
		time.Sleep(defaultGrace / 2)
		b.wantClosed(t, "for fake-new", "for fake-old")
		u.Close()
		u.Close()
		time.Sleep(time.Hour)
		b.wantClosed(t, "for fake-new", "for fake-newer", "for fake-old")
	})
}

// Without a change by its own client, the updater finds a new secret by polling.
func TestUpdater_Polls(t *testing.T) {
	onBench(t, func(t *testing.T, b *bench) {
		u := b.begin(t)
		defer u.Close()
		b.put("fake-new")
		time.Sleep(pollInterval)
		b.shows(t, u, "for fake-new", nil)
		time.Sleep(time.Hour)
		if builds, failed := b.count(); builds != 2 || failed != 0 {
			t.Errorf("Build was called %d times and failed %d times, want 2 and 0", builds, failed)
		}
	})
}

func TestUpdater_CloseEndsEveryGrace(t *testing.T) {
	onBench(t, func(t *testing.T, b *bench) {
		u := b.begin(t)
		b.renew("fake-new")
		b.renew("fake-newer")
		b.wantClosed(t)
		var twice sync.WaitGroup
		twice.Go(u.Close)
		twice.Go(u.Close)
		twice.Wait()
		b.wantClosed(t, "for fake-new", "for fake-newer", "for fake-old")
		b.renew("fake-newest")
		time.Sleep(time.Hour)
		b.wantClosed(t, "for fake-new", "for fake-newer", "for fake-old")
		if u.Get() != "for fake-newer" {
			t.Errorf("Get after Close = %q, want for fake-newer", u.Get())
		}
	})
}

func TestUpdater_RetriesABuildThatFails(t *testing.T) {
	onBench(t, func(t *testing.T, b *bench) {
		u := b.begin(t)
		defer u.Close()
		b.set(func(b *bench) { b.buildErr = errBroken })
		b.renew("fake-new")
		b.shows(t, u, "for fake-old", errBroken)
		time.Sleep(rebuildBackoff.Min)
		if builds, failed := b.count(); builds != 3 || failed != 2 {
			t.Errorf("after the first pause Build was called %d times and failed %d times, want 3 and 2", builds, failed)
		}
		time.Sleep(time.Hour)
		b.shows(t, u, "for fake-old", errBroken)
		if builds, _ := b.count(); builds < 60 || builds > 140 {
			t.Errorf("Build was called %d times in an hour, want 60 to 140 with pauses up to %v", builds, rebuildBackoff.Max)
		}
		b.wantClosed(t)
		b.set(func(b *bench) { b.buildErr = nil })
		time.Sleep(rebuildBackoff.Max)
		b.shows(t, u, "for fake-new", nil)
		builds, _ := b.count()
		time.Sleep(time.Hour)
		if after, _ := b.count(); after != builds {
			t.Errorf("Build was called %d times after its success, want 0", after-builds)
		}
		b.wantClosed(t, "for fake-old")
		b.set(func(b *bench) { b.buildErr = errBroken })
		b.renew("fake-newer")
		time.Sleep(rebuildBackoff.Min)
		if again, _ := b.count(); again != builds+2 {
			t.Errorf("Build was called %d times in the first pause of the next failure, want 2", again-builds)
		}
	})
}

// A new key is built at once, even in the pause after a failed Build.
func TestUpdater_BuildsANewKeyWithoutAPause(t *testing.T) {
	onBench(t, func(t *testing.T, b *bench) {
		u := b.begin(t)
		defer u.Close()
		b.set(func(b *bench) { b.buildErr = errBroken })
		b.renew("fake-bad")
		time.Sleep(10 * time.Minute) // until the pauses are long
		b.set(func(b *bench) { b.buildErr = nil })
		b.renew("fake-good")
		b.shows(t, u, "for fake-good", nil)
	})
}

// During an outage, and when the provider is gone, the value stays in use. If the secret is the same
// afterwards, Build is not called again.
func TestUpdater_KeepsItsValueDuringAProblem(t *testing.T) {
	for _, kind := range []error{ErrUnavailable, ErrDeleted, ErrNotFound, ErrPermissionDenied} {
		t.Run(kind.Error(), func(t *testing.T) {
			onBench(t, func(t *testing.T, b *bench) {
				u := b.begin(t)
				defer u.Close()
				b.set(func(b *bench) { b.storeErr = &Error{Kind: kind} })
				time.Sleep(pollInterval)
				b.shows(t, u, "for fake-old", kind)
				time.Sleep(time.Hour)
				b.shows(t, u, "for fake-old", kind)
				b.set(func(b *bench) { b.storeErr = nil })
				time.Sleep(pollInterval)
				b.shows(t, u, "for fake-old", nil)
				builds, failed := b.count()
				if isGone(kind) { // it may be a new secret, so Build is called
					builds--
				}
				if builds != 1 || failed != 1 {
					t.Errorf("Build was called %d times, Failed %d times, want 1 and 1", builds, failed)
				}
				b.renew("fake-new")
				b.shows(t, u, "for fake-new", nil)
			})
		})
	}
}

// If a secret cannot be read as keys, Build is not called with the keys before it.
func TestUpdater_DoesNotBuildFromOutdatedKeys(t *testing.T) {
	onBench(t, func(t *testing.T, b *bench) {
		u := b.begin(t)
		defer u.Close()
		b.set(func(b *bench) { b.buildErr = errBroken })
		b.renew("fake-bad")
		b.shows(t, u, "for fake-old", errBroken)
		b.renew(nil)
		b.shows(t, u, "for fake-old", ErrInvalid)
		b.set(func(b *bench) { b.buildErr = nil })
		time.Sleep(time.Hour)
		b.shows(t, u, "for fake-old", ErrInvalid)
		b.renew("fake-good")
		b.shows(t, u, "for fake-good", nil)
	})
}

// If there is no first value, NewUpdater fails and leaves nothing.
func TestNewUpdater_FailsWithoutAFirstValue(t *testing.T) {
	hanging := func(b *bench) { b.hang = true }
	for name, c := range map[string]struct {
		prepare func(b *bench)
		want    error
		closed  []string
	}{
		"no build": {func(b *bench) { b.buildErr = errBroken }, errBroken, nil},
		"no key":   {func(b *bench) { b.storeErr = &Error{Kind: ErrNotFound} }, ErrNotFound, nil},
		"no vault": {func(b *bench) { b.storeErr = &Error{Kind: ErrUnavailable} }, ErrUnavailable, nil},
		"no time":  {hanging, context.DeadlineExceeded, nil},
		"too late": {func(b *bench) { b.took = time.Hour }, context.DeadlineExceeded, []string{"for fake-old"}},
		"closed":   {func(b *bench) { go b.keys.Close() }, ErrClosed, nil},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, func(t *testing.T, b *bench) {
				b.set(c.prepare)
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				u, err := NewUpdater(ctx, &Client{keys: b.keys}, "a", b.derive())
				failed, ok := errors.AsType[*Error](err)
				sameClass := errors.Is(err, c.want) && errors.Is(err, ErrUnavailable) == errors.Is(c.want, ErrUnavailable)
				if u != nil || !sameClass || !ok || failed.Op != "NewUpdater" || failed.Provider != "a" {
					t.Fatalf("NewUpdater = %v, %v, want no updater and %v", u, err, c.want)
				}
				time.Sleep(time.Hour)
				if lost := b.keys.Problems().Lost; len(lost) != 0 {
					t.Errorf("Problems.Lost = %v, want none, because nobody watches", lost)
				}
				b.wantClosed(t, c.closed...)
			})
		})
	}
}

// Close ends a Build that hangs, and waits for it. If the client is closed first, the value stays in
// use.
func TestUpdater_CloseWaitsForBuild(t *testing.T) {
	onBench(t, func(t *testing.T, b *bench) {
		u := b.begin(t)
		b.set(func(b *bench) { b.hang = true })
		b.renew("fake-new")
		began := time.Now()
		u.Close()
		if took := time.Since(began); took != time.Second {
			t.Errorf("Close took %v, want 1 s, when Build ends", took)
		}
		b.wantClosed(t, "for fake-old")
		if _, failed := b.count(); failed != 0 {
			t.Errorf("Close caused %d calls of Failed, want 0", failed)
		}
	})
	onBench(t, func(t *testing.T, b *bench) {
		u := b.begin(t)
		b.keys.Close()
		b.shows(t, u, "for fake-old", ErrClosed)
		u.Close()
		b.wantClosed(t, "for fake-old")
	})
}

// During an outage, an updater that starts, and one that was building when the newest key came, use
// the newest key that the client has.
func TestUpdater_UsesTheNewestKnownKeyInAnOutage(t *testing.T) {
	onBench(t, func(t *testing.T, b *bench) {
		busy := b.begin(t)
		defer busy.Close()
		b.set(func(b *bench) { b.took = 5 * time.Second })
		b.renew("fake-new") // Build is running with it
		b.renew("fake-newest")
		b.set(func(b *bench) { b.storeErr = &Error{Kind: ErrUnavailable} })
		b.keys.Renew(t.Context(), "a")
		time.Sleep(10 * time.Second)
		b.shows(t, busy, "for fake-newest", ErrUnavailable)
		late := b.begin(t)
		defer late.Close()
		b.shows(t, late, "for fake-newest", ErrUnavailable)
	})
}

// The context of a Build, of the first one too, ends with the updater.
func TestUpdater_EndsTheContextsOfBuild(t *testing.T) {
	onBench(t, func(t *testing.T, b *bench) {
		var contexts []context.Context
		derive := b.derive()
		derive.Build = func(ctx context.Context, keys ProviderKeys) (string, error) {
			contexts = append(contexts, ctx)
			return b.build(ctx, keys)
		}
		start, cancel := context.WithTimeout(t.Context(), time.Minute)
		u, err := NewUpdater(start, &Client{keys: b.keys}, "a", derive)
		cancel()
		if err != nil {
			t.Fatalf("NewUpdater = %v, want no error", err)
		}
		b.renew("fake-new")
		for i, ctx := range contexts {
			if ctx.Err() != nil {
				t.Errorf("before Close, the context of Build %d: Err = %v, want nil", i, ctx.Err())
			}
		}
		u.Close()
		for i, ctx := range contexts {
			if ctx.Err() == nil {
				t.Errorf("after Close, the context of Build %d: Err = nil, want an error", i)
			}
		}
	})
}

func TestNewUpdater_LeavesNothingAfterAPanic(t *testing.T) {
	onBench(t, func(t *testing.T, b *bench) {
		derive := b.derive()
		derive.Build = func(context.Context, ProviderKeys) (string, error) { panic("fake") }
		func() {
			defer func() { _ = recover() }()
			_, err := NewUpdater(t.Context(), &Client{keys: b.keys}, "a", derive)
			t.Errorf("NewUpdater = %v, want a panic", err)
		}()
		b.set(func(b *bench) { b.storeErr = &Error{Kind: ErrNotFound} })
		b.keys.Renew(t.Context(), "a")
		if lost := b.keys.Problems().Lost; len(lost) != 0 {
			t.Errorf("Problems.Lost = %v, want none, because nobody watches", lost)
		}
	})
}
