package vaultkit

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"goblin/vaultkit/internal/cache"
)

// rig is an updater on a clock of its own, whose provider's key a test sets.
type rig struct {
	key      string
	version  int
	err      error
	broken   bool
	built    []time.Duration // since the start, whether it worked or not
	closed   []string
	failures int
}

func (r *rig) set(key string) { r.key, r.version = key, r.version+1 }

func (r *rig) fetch(_ context.Context, _ string, held *secret) (*secret, error) {
	if r.err != nil || held != nil && held.version == r.version {
		return held, r.err
	}
	return &secret{key: r.key, version: r.version, stored: []fieldText{{name: FieldAPIKey, text: r.key}}}, nil
}

// inBubble runs a test with the updater of a provider that is polled each second.
func (r *rig) inBubble(t *testing.T, run func(u *Updater[string])) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c := &Client{keys: cache.New(cache.Config[secret]{TTL: time.Second, Limit: time.Second, Fetch: r.fetch,
			Gone: isGone, Newer: newer, Closed: &Error{Kind: ErrClosed}})}
		defer c.keys.Close()
		u, err := NewUpdater(t.Context(), c, "a", Derive[string]{
			Grace: time.Minute,
			Build: func(_ context.Context, keys ProviderKeys) (string, error) {
				r.built = append(r.built, time.Since(start))
				if r.broken {
					return "", errors.New("broken")
				}
				return keys[FieldAPIKey], nil
			},
			Close:  func(old string) { r.closed = append(r.closed, old) },
			Failed: func(error) { r.failures++ },
		})
		if err != nil {
			t.Fatal(err)
		}
		defer u.Close()
		run(u)
	})
}

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestUpdaterGrace(t *testing.T) {
	r := &rig{}
	r.set("one")
	r.inBubble(t, func(u *Updater[string]) {
		r.set("two")
		pass(time.Second)
		if u.Get() != "two" || len(r.closed) != 0 {
			t.Fatalf("%q is in use, %q closed", u.Get(), r.closed)
		}
		pass(58 * time.Second)
		if len(r.closed) != 0 {
			t.Errorf("%q closed within the grace", r.closed)
		}
		r.set("three")
		pass(2 * time.Second)
		if !slices.Equal(r.closed, []string{"one"}) {
			t.Errorf("%q closed after one's grace", r.closed)
		}
		u.Close() // nobody's grace is waited for
		u.Close()
		slices.Sort(r.closed)
		if !slices.Equal(r.closed, []string{"one", "three", "two"}) {
			t.Errorf("%q closed in the end", r.closed)
		}
	})
}

func TestUpdaterTriesAgain(t *testing.T) {
	r := &rig{}
	r.set("one")
	r.inBubble(t, func(u *Updater[string]) {
		r.broken = true
		r.set("two")
		pass(10 * time.Minute)
		if n := len(r.built); n < 12 || n > 30 || r.failures != n-1 {
			t.Errorf("built %d times, %d failures", n, r.failures)
		}
		for i := 7; i < len(r.built); i++ {
			if pause := r.built[i] - r.built[i-1]; pause < 29*time.Second || pause > time.Minute {
				t.Errorf("tried again after %v", pause)
			}
		}
		if u.Get() != "one" || u.Err() == nil || len(r.closed) != 0 {
			t.Errorf("%q in use, %v, closed %q", u.Get(), u.Err(), r.closed)
		}
		r.broken = false
		pass(time.Minute)
		if u.Get() != "two" || u.Err() != nil {
			t.Errorf("%q in use, %v", u.Get(), u.Err())
		}
	})
}

// Neither an outage nor a deletion touches the value, nor does their end.
func TestUpdaterKeepsItsValue(t *testing.T) {
	for _, kind := range []error{ErrUnavailable, ErrDeleted} {
		r := &rig{}
		r.set("one")
		r.inBubble(t, func(u *Updater[string]) {
			r.err = &Error{Kind: kind}
			pass(time.Minute)
			if u.Get() != "one" || !errors.Is(u.Err(), kind) || len(r.built) != 1 {
				t.Errorf("%q in use, %v, built %d times", u.Get(), u.Err(), len(r.built))
			}
			r.err = nil
			pass(time.Minute)
			if u.Get() != "one" || u.Err() != nil {
				t.Errorf("%q in use, %v", u.Get(), u.Err())
			}
			if errors.Is(kind, ErrUnavailable) && len(r.built) != 1 {
				t.Errorf("built %d times from the same keys", len(r.built))
			}
		})
	}
}

// What was deleted is built from no more, though it was due to be tried again.
func TestUpdaterBuildsNothingGone(t *testing.T) {
	r := &rig{}
	r.set("one")
	r.inBubble(t, func(u *Updater[string]) {
		r.broken = true
		r.set("two")
		pass(10 * time.Second)
		r.err = &Error{Kind: ErrDeleted}
		pass(10 * time.Second)
		before := len(r.built)
		pass(10 * time.Minute)
		if len(r.built) != before || u.Get() != "one" || !errors.Is(u.Err(), ErrDeleted) {
			t.Errorf("built %d times more, %q in use, %v", len(r.built)-before, u.Get(), u.Err())
		}
	})
}
