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

// BenchmarkCacheMemory reports what one cached provider takes.
func BenchmarkCacheMemory(b *testing.B) {
	const providers = 10_000
	fetch := func(_ context.Context, name string, _ *secret) (*secret, error) {
		return newSecret(kv.Secret{Data: map[string]any{FieldAPIKey: "fake-key-of-" + name}, Version: 1, Created: time.Now()}), nil
	}
	for b.Loop() {
		before := heap()
		keys := cache.New(cache.Config[secret]{TTL: time.Hour, Limit: time.Second, Fetch: fetch, Gone: isGone, Newer: newer})
		for i := range providers {
			if _, err := keys.Get(b.Context(), fmt.Sprintf("provider-%d", i)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(heap()-before)/providers, "B/provider")
		keys.Close()
	}
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
