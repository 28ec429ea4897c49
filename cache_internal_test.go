package vaultkit

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/cache"
	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/settings"
)

// bench holds what an updater under test reads and builds, and what became of its values. The
// clock is that of testing/synctest.
type bench struct {
	keys *cache.Cache[secret]

	mu       sync.Mutex
	key      any // of the stored version
	version  int
	storeErr error
	buildErr error
	hang     bool          // Build hangs until its context ends
	took     time.Duration // how long Build takes
	builds   int
	closed   []string
	failed   []error
}

// onBench runs a test in a bubble of testing/synctest, which fails if a goroutine is left.
func onBench(t *testing.T, run func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{}
		b.put("fake-old")
		client := &Client{observe: func(event.Event) {}}
		config := client.cacheConfig(&settings.Settings{Timeouts: settings.Timeouts{Read: time.Second}})
		config.Fetch = b.fetch
		b.keys = cache.New(config)
		defer b.keys.Close()
		run(t, b)
	})
}

func (b *bench) set(change func(b *bench)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b)
}

// put stores the next version.
func (b *bench) put(key any) {
	b.set(func(b *bench) { b.key, b.version = key, b.version+1 })
}

func (b *bench) fetch(_ context.Context, _ string, held *secret) (*secret, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.storeErr != nil {
		return nil, b.storeErr
	}
	if held != nil && held.version == b.version {
		return held, nil
	}
	return newSecret(kv.Secret{Data: map[string]any{fieldAPIKey: b.key}, Version: b.version}), nil
}

func (b *bench) build(ctx context.Context, keys ProviderKeys) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.builds++
	defer clear(keys) // the map is Build's own
	if b.hang {
		b.mu.Unlock()
		<-ctx.Done()
		time.Sleep(time.Second) // the time that Build needs to end
		b.mu.Lock()
		return "", ctx.Err()
	}
	if took := b.took; took > 0 {
		b.mu.Unlock()
		time.Sleep(took)
		b.mu.Lock()
	}
	return "for " + keys[fieldAPIKey], b.buildErr
}

func (b *bench) derive() UpdaterConfig[string] {
	return UpdaterConfig[string]{
		Build:  b.build,
		Close:  func(value string) { b.set(func(b *bench) { b.closed = append(b.closed, value) }) },
		Failed: func(err error) { b.set(func(b *bench) { b.failed = append(b.failed, err) }) },
	}
}

func (b *bench) begin(t *testing.T) *Updater[string] {
	t.Helper()
	u, err := NewUpdater(t.Context(), &Client{keys: b.keys}, "a", b.derive())
	if err != nil {
		t.Fatalf("NewUpdater = %v, want no error", err)
	}
	return u
}

// shows fails the test unless the updater has this value and this error.
func (b *bench) shows(t *testing.T, u *Updater[string], value string, failure error) {
	t.Helper()
	synctest.Wait()
	if err := u.Err(); u.Get() != value || !errors.Is(err, failure) || (err == nil) != (failure == nil) {
		t.Fatalf("Get, Err = %q, %v, want %q, %v", u.Get(), err, value, failure)
	}
	if failure == errBroken && errors.Is(u.Err(), ErrUnavailable) { //nolint:errorlint // the same value
		t.Errorf("Err = %v, want the error of Build without ErrUnavailable", u.Err())
	}
}

func (b *bench) wantClosed(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.Sort(b.closed); !slices.Equal(b.closed, want) {
		t.Fatalf("UpdaterConfig.Close was called for %q, want %q", b.closed, want)
	}
}

func (b *bench) count() (builds, failed int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.builds, len(b.failed)
}

// renew stores another key and lets the updater see it at once.
func (b *bench) renew(key any) {
	b.put(key)
	b.keys.Renew(context.Background(), "a")
	synctest.Wait()
}

// New waits for declared providers until its context ends. After it, they are cached.
func TestDeclare_WaitsForVault(t *testing.T) {
	for name, c := range map[string]struct {
		failure error
		ends    time.Duration // when the failure ends
		want    error
		took    time.Duration // at least
	}{
		"no failure":         {nil, 0, nil, 0},
		"an hour's outage":   {ErrUnavailable, time.Hour, nil, time.Hour},
		"a seal too long":    {ErrSealed, 3 * time.Hour, ErrSealed, 2 * time.Hour},
		"a seal":             {ErrSealed, time.Minute, nil, time.Minute},
		"longer than it may": {ErrUnavailable, 3 * time.Hour, ErrUnavailable, 2 * time.Hour},
		"a denial":           {ErrPermissionDenied, time.Hour, ErrPermissionDenied, 0},
		"no such provider":   {ErrNotFound, time.Hour, ErrNotFound, 0},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, func(t *testing.T, b *bench) {
				client := &Client{keys: b.keys, cached: true, store: kv.New(nil, "secret", "base", backoff.Backoff{})}
				if c.failure != nil {
					b.set(func(b *bench) { b.storeErr = &Error{Kind: c.failure} })
				}
				time.AfterFunc(c.ends, func() { b.set(func(b *bench) { b.storeErr = nil }) })
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
				defer cancel()
				began := time.Now()
				err := client.declare(ctx, []string{"b", "a", "b"})
				if took := time.Since(began); took < c.took || took > c.took+time.Minute || !errors.Is(err, c.want) {
					t.Fatalf("declare = %v after %v, want %v after %v", err, took, c.want, c.took)
				}
				if key, err := client.GetAPIKey(t.Context(), "a"); c.want == nil && (key != "fake-old" || err != nil) {
					t.Errorf("GetAPIKey = %q, %v, want fake-old", key, err)
				}
				synctest.Wait()
			})
		})
	}
}

// cached puts n providers into a cache and returns how much memory each of them takes.
func cached(t testing.TB, n int) (bytesEach float64) {
	t.Helper()
	fetch := func(_ context.Context, name string, _ *secret) (*secret, error) {
		data := map[string]any{fieldAPIKey: "fake-key-of-" + name}
		return newSecret(kv.Secret{Data: data, Version: 1, Created: time.Now()}), nil
	}
	before := heap()
	keys := cache.New(cache.Config[secret]{
		TTL: time.Hour, FetchTimeout: time.Second, Fetch: fetch, Gone: isGone, Newer: newer, Behind: behind,
	})
	defer keys.Close()
	for i := range n {
		if _, err := keys.Get(t.Context(), fmt.Sprintf("provider-%d", i)); err != nil {
			t.Fatalf("Get = %v, want no error", err)
		}
	}
	for i := range 2 * n { // the memory that reads need counts, too
		if keys.Load(fmt.Sprintf("provider-%d", i%n)) == nil {
			t.Fatalf("Load(provider-%d) = nil, want the cached secret", i%n)
		}
	}
	return float64(heap()-before) / float64(n)
}

func TestCachedProviderTakesLessThanAKilobyte(t *testing.T) {
	if each := cached(t, 10_000); each <= 0 || each >= 1000 {
		t.Errorf("a cached provider takes %.0f bytes, want less than 1000", each)
	}
}

// BenchmarkCacheMemory reports how much memory one cached provider takes.
func BenchmarkCacheMemory(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(cached(b, 10_000), "B/provider")
	}
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// A response is behind a known secret if its version and its time are older. After a failover to a
// leader whose clock is behind, a newer version may have an earlier time.
func TestBehind(t *testing.T) {
	at := func(version int, second int) *secret {
		return &secret{version: version, created: time.Date(2030, 1, 1, 0, 0, second, 0, time.UTC)}
	}
	for name, c := range map[string]struct {
		response, known *secret
		want            bool
	}{
		"a standby that is behind":       {at(6, 1), at(7, 2), true},
		"the same":                       {at(7, 2), at(7, 2), false},
		"the next":                       {at(8, 3), at(7, 2), false},
		"the next, by a slow clock":      {at(8, 1), at(7, 2), false},
		"deleted and created again":      {at(1, 9), at(7, 2), false},
		"written again after a snapshot": {at(6, 9), at(7, 2), false},
	} {
		if got := behind(c.response, c.known); got != c.want {
			t.Errorf("%s: behind = %t, want %t", name, got, c.want)
		}
	}
}
