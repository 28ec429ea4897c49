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

func TestReplacedValueHasItsGrace(t *testing.T) {
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

// The updater sees what others store by the poll alone.
func TestUpdaterPolls(t *testing.T) {
	onBench(t, func(t *testing.T, b *bench) {
		u := b.begin(t)
		defer u.Close()
		b.put("fake-new")
		time.Sleep(pollInterval)
		b.shows(t, u, "for fake-new", nil)
		time.Sleep(time.Hour)
		if builds, failed := b.count(); builds != 2 || failed != 0 {
			t.Errorf("%d builds, %d failures", builds, failed)
		}
	})
}

func TestCloseEndsEveryGrace(t *testing.T) {
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
			t.Errorf("made %q after Close", u.Get())
		}
	})
}

func TestBrokenBuildIsTriedAgain(t *testing.T) {
	onBench(t, func(t *testing.T, b *bench) {
		u := b.begin(t)
		defer u.Close()
		b.set(func(b *bench) { b.buildErr = errBroken })
		b.renew("fake-new")
		b.shows(t, u, "for fake-old", errBroken)
		time.Sleep(rebuildBackoff.Min)
		if builds, failed := b.count(); builds != 3 || failed != 2 {
			t.Errorf("%d builds, %d failures within the first pause", builds, failed)
		}
		time.Sleep(time.Hour)
		b.shows(t, u, "for fake-old", errBroken)
		if builds, _ := b.count(); builds < 60 || builds > 140 {
			t.Errorf("%d builds in an hour, with pauses up to %v", builds, rebuildBackoff.Max)
		}
		b.wantClosed(t)
		b.set(func(b *bench) { b.buildErr = nil })
		time.Sleep(rebuildBackoff.Max)
		b.shows(t, u, "for fake-new", nil)
		builds, _ := b.count()
		time.Sleep(time.Hour)
		if after, _ := b.count(); after != builds {
			t.Errorf("%d builds of what works", after-builds)
		}
		b.wantClosed(t, "for fake-old")
		b.set(func(b *bench) { b.buildErr = errBroken })
		b.renew("fake-newer")
		time.Sleep(rebuildBackoff.Min)
		if again, _ := b.count(); again != builds+2 {
			t.Errorf("%d builds within the first pause of the next failure", again-builds)
		}
	})
}

// A new key is not kept waiting by the pause after the one that failed.
func TestNewKeyMendsABrokenBuild(t *testing.T) {
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

// An outage, and a provider that is gone, leave the value in use, and one that is
// the same afterwards is not made again.
func TestValueOutlivesTrouble(t *testing.T) {
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
				if isGone(kind) { // a new secret, for all it knows
					builds--
				}
				if builds != 1 || failed != 1 {
					t.Errorf("%d builds, %d failures", builds, failed)
				}
				b.renew("fake-new")
				b.shows(t, u, "for fake-new", nil)
			})
		})
	}
}

// A secret that cannot be read as keys is not passed off as the one before, whose
// value could not be made.
func TestUnreadableKeysAreNotTheOldOnes(t *testing.T) {
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

// Where there is no first value there is no updater, and nothing is left of it.
func TestUpdaterThatCannotStart(t *testing.T) {
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
				if u != nil || !errors.Is(err, c.want) || errors.Is(err, ErrUnavailable) != errors.Is(c.want, ErrUnavailable) || !ok || failed.Op != "NewUpdater" || failed.Provider != "a" {
					t.Fatalf("NewUpdater = %v, %v", u, err)
				}
				time.Sleep(time.Hour)
				if lost := b.keys.Problems().Lost; len(lost) != 0 {
					t.Errorf("watched still: %v", lost)
				}
				b.wantClosed(t, c.closed...)
			})
		})
	}
}

// Close ends a Build that hangs and waits for it, and a client that was closed first
// leaves the value in use.
func TestUpdaterEnds(t *testing.T) {
	onBench(t, func(t *testing.T, b *bench) {
		u := b.begin(t)
		b.set(func(b *bench) { b.hang = true })
		b.renew("fake-new")
		began := time.Now()
		u.Close()
		if took := time.Since(began); took != time.Second {
			t.Errorf("Close took %v, and Build ended after 1 s", took)
		}
		b.wantClosed(t, "for fake-old")
		if _, failed := b.count(); failed != 0 {
			t.Errorf("%d failures, and it was only closed", failed)
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

// Whoever starts while Vault is in trouble, and whoever was busy when the newest key
// came, makes the value from the key that is at hand.
func TestUpdaterIsServedInAnOutage(t *testing.T) {
	onBench(t, func(t *testing.T, b *bench) {
		busy := b.begin(t)
		defer busy.Close()
		b.set(func(b *bench) { b.took = 5 * time.Second })
		b.renew("fake-new") // the updater is making a value of it
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

// What the first Build binds to its context lives as long as the updater.
func TestBuildContextEndsWithTheUpdater(t *testing.T) {
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
				t.Errorf("the context of Build %d has ended", i)
			}
		}
		u.Close()
		for i, ctx := range contexts {
			if ctx.Err() == nil {
				t.Errorf("the context of Build %d has not ended", i)
			}
		}
	})
}

func TestPanickingBuildLeavesNothing(t *testing.T) {
	onBench(t, func(t *testing.T, b *bench) {
		derive := b.derive()
		derive.Build = func(context.Context, ProviderKeys) (string, error) { panic("fake") }
		func() {
			defer func() { _ = recover() }()
			_, err := NewUpdater(t.Context(), &Client{keys: b.keys}, "a", derive)
			t.Errorf("NewUpdater = %v", err)
		}()
		b.set(func(b *bench) { b.storeErr = &Error{Kind: ErrNotFound} })
		b.keys.Renew(t.Context(), "a")
		if lost := b.keys.Problems().Lost; len(lost) != 0 {
			t.Errorf("watched still: %v", lost)
		}
	})
}
