package vaultkit

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goblin/vaultkit/internal/cache"
	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/settings"
)

// bench is where an updater works on a clock of its own: what is stored, what
// building it comes to, and what became of the values.
type bench struct {
	keys *cache.Cache[secret]

	mu       sync.Mutex
	key      any // of the stored version
	version  int
	storeErr error
	buildErr error
	hang     bool          // Build, until its context ends
	took     time.Duration // Build
	builds   int
	closed   []string
	failed   []error
}

// onBench runs a test in a bubble, which fails if anything is left running.
func onBench(t *testing.T, run func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{}
		b.put("fake-old")
		client := &Client{observe: func(Event) {}}
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
	return newSecret(kv.Secret{Data: map[string]any{FieldAPIKey: b.key}, Version: b.version}), nil
}

func (b *bench) build(ctx context.Context, keys ProviderKeys) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.builds++
	defer clear(keys) // they are its own
	if b.hang {
		b.mu.Unlock()
		<-ctx.Done()
		time.Sleep(time.Second) // to clean up
		b.mu.Lock()
		return "", ctx.Err()
	}
	if took := b.took; took > 0 {
		b.mu.Unlock()
		time.Sleep(took)
		b.mu.Lock()
	}
	return "for " + keys[FieldAPIKey], b.buildErr
}

func (b *bench) derive() Derive[string] {
	return Derive[string]{
		Build:  b.build,
		Close:  func(value string) { b.set(func(b *bench) { b.closed = append(b.closed, value) }) },
		Failed: func(err error) { b.set(func(b *bench) { b.failed = append(b.failed, err) }) },
	}
}

func (b *bench) begin(t *testing.T) *Updater[string] {
	t.Helper()
	u, err := NewUpdater(t.Context(), &Client{keys: b.keys}, "a", b.derive())
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// shows holds what the updater says now against a value and an error.
func (b *bench) shows(t *testing.T, u *Updater[string], value string, failure error) {
	t.Helper()
	synctest.Wait()
	if err := u.Err(); u.Get() != value || !errors.Is(err, failure) || (err == nil) != (failure == nil) {
		t.Fatalf("%q, %v, want %q, %v", u.Get(), err, value, failure)
	}
	if failure == errBroken && errors.Is(u.Err(), ErrUnavailable) { //nolint:errorlint // the very one
		t.Errorf("Build's failure is laid at Vault's door: %v", u.Err())
	}
}

func (b *bench) wantClosed(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.Sort(b.closed); !slices.Equal(b.closed, want) {
		t.Fatalf("closed %q, want %q", b.closed, want)
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
