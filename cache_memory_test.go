package vaultkit

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"goblin/vaultkit/internal/cache"
	"goblin/vaultkit/internal/kv"
)

// cached has n providers in a cache, and says what each of them takes.
func cached(t testing.TB, n int) (bytesEach float64) {
	t.Helper()
	fetch := func(_ context.Context, name string, _ *secret) (*secret, error) {
		return newSecret(kv.Secret{Data: map[string]any{FieldAPIKey: "fake-key-of-" + name}, Version: 1, Created: time.Now()}), nil
	}
	before := heap()
	keys := cache.New(cache.Config[secret]{TTL: time.Hour, Limit: time.Second, Fetch: fetch, Gone: isGone, Newer: newer, Behind: behind})
	defer keys.Close()
	for i := range n {
		if _, err := keys.Get(t.Context(), fmt.Sprintf("provider-%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 * n { // as services do: what readers look into is there, too
		if keys.Load(fmt.Sprintf("provider-%d", i%n)) == nil {
			t.Fatal("not kept")
		}
	}
	return float64(heap()-before) / float64(n)
}

func TestCachedProviderTakesLessThanAKilobyte(t *testing.T) {
	if each := cached(t, 10_000); each <= 0 || each >= 1000 {
		t.Errorf("a cached provider takes %.0f bytes", each)
	}
}

// BenchmarkCacheMemory reports what one cached provider takes.
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
