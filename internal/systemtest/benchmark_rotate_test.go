package systemtest_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/protocol"
)

const under = "goblin-assistant/"

// BenchmarkRotate rotates a provider with a few past rotations.
func BenchmarkRotate(b *testing.B) {
	client, official := clienttest.New(b), newOfficial(b)
	each := func(rotate func(provider string, round int)) func(int) {
		providers := storeMany(b, 100)
		return func(round int) { rotate(providers[round%len(providers)], round) }
	}
	compare(b,
		peer{"vaultkit", each(func(provider string, round int) {
			_, err := client.Rotate(b.Context(), provider, vaultkit.NewKey(fmt.Sprintf("fake-%d", round)))
			mustSucceed(b, err)
		})},
		peer{"five-calls", each(func(provider string, round int) { rotateByHand(b, official, provider, round) })},
		peer{"unsafe-script", each(func(provider string, round int) { rotateUnsafely(b, official, provider, round) })},
	)
}

// rotateByHand sends the requests of a safe rotation without its checks: read, create-only
// backup, metadata, check-and-set write, record. They store what a rotation stores.
func rotateByHand(b *testing.B, official *api.Client, provider string, n int) {
	b.Helper()
	kv, ctx := official.KVv2("secret"), b.Context()
	old, err := kv.Get(ctx, under+"providers/"+provider)
	mustSucceed(b, err)
	id := fmt.Sprintf("/%d", n)
	_, err = kv.Put(ctx, under+"backups/"+provider+id, old.Data, api.WithCheckAndSet(0))
	mustSucceed(b, err)
	mustSucceed(b, kv.PutMetadata(ctx, under+"backups/"+provider+id, api.KVMetadataPutInput{CustomMetadata: map[string]any{
		"source": "given", "started_at": time.Now().UTC().Format(time.RFC3339Nano)}}))
	_, err = kv.Put(ctx, under+"providers/"+provider, map[string]any{"api_key": fmt.Sprintf("fake-%d", n)},
		api.WithCheckAndSet(old.VersionMetadata.Version))
	mustSucceed(b, err)
	_, err = kv.Put(ctx, under+"rotations/"+provider+id, recordFields(provider, n), api.WithCheckAndSet(0))
	mustSucceed(b, err)
}

// recordFields returns the fields of a rotation's record.
func recordFields(provider string, n int) map[string]any {
	id := protocol.NewID(time.Now(), n+1, nil, nil).String()
	const request = "00000000-0000-0000-0000-000000000000"
	return map[string]any{"schema": 1, "id": id, "provider": provider, "outcome": "committed", "evidence": "acknowledged",
		"old_version": n + 1, "new_version": n + 2, "backup": id, "fields_changed": []string{"api_key"}, "source": "given",
		"started_at": time.Now().UTC(), "committed_at": time.Now().UTC(), "recorded_at": time.Now().UTC(),
		"vault_request_ids": map[string]any{"backup": request, "commit": request}}
}

// rotateUnsafely sends what programs without vaultkit often send: read, backup,
// unconditional write, log entry.
func rotateUnsafely(b *testing.B, official *api.Client, provider string, n int) {
	b.Helper()
	kv, ctx := official.KVv2("secret"), b.Context()
	old, err := kv.Get(ctx, under+"providers/"+provider)
	mustSucceed(b, err)
	id := fmt.Sprintf("/%d", n)
	_, err = kv.Put(ctx, under+"backups/"+provider+id, old.Data)
	mustSucceed(b, err)
	_, err = kv.Put(ctx, under+"providers/"+provider, map[string]any{"api_key": fmt.Sprintf("fake-%d", n)})
	mustSucceed(b, err)
	_, err = kv.Put(ctx, under+"rotations/"+provider+id, map[string]any{"outcome": "committed"})
	mustSucceed(b, err)
}

// BenchmarkEnviron reads 1,000 providers into an environment.
func BenchmarkEnviron(b *testing.B) {
	client, official, bare := clienttest.New(b), newOfficial(b), newBare(b)
	providers := storeMany(b, 1000)
	compare(b,
		peer{"vaultkit", func(int) {
			_, err := client.Environ(b.Context(), vaultkit.EnvQuery{Providers: providers})
			mustSucceed(b, err)
		}},
		peer{"official-loop", func(int) {
			for _, provider := range providers {
				officialGet(b, official, provider)
			}
		}},
		peer{"bare", func(int) { inParallel(16, providers, func(provider string) { bare.get(b, provider) }) }},
	)
}

// BenchmarkRotateAll rotates 1,000 providers.
func BenchmarkRotateAll(b *testing.B) {
	client, bare := clienttest.New(b), newBare(b)
	ours, theirs := storeMany(b, 1000), storeMany(b, 1000)
	compare(b,
		peer{"vaultkit", func(round int) {
			key := vaultkit.NewKey(fmt.Sprintf("fake-%d", round))
			for result := range client.RotateAll(b.Context(), 0, ours, key) {
				mustSucceed(b, result.Err)
			}
		}},
		peer{"bare", func(round int) {
			inParallel(8, theirs, func(provider string) { rotateOverHTTP(b, bare, provider, round) })
		}},
	)
}

// rotateOverHTTP sends a rotation's requests with net/http alone.
func rotateOverHTTP(b *testing.B, bare *bareHTTP, provider string, round int) {
	b.Helper()
	data, metadata := "secret/data/"+under, "secret/metadata/"+under
	id := fmt.Sprintf("/%d", round)
	bare.get(b, provider)
	bare.do(b, http.MethodPut, "sys/capabilities-self", map[string]any{"paths": []string{data + "providers/" + provider}}, nil)
	bare.do(b, http.MethodPut, data+"backups/"+provider+id, written("fake-old", 0), nil)
	bare.do(b, http.MethodPut, metadata+"backups/"+provider+id, map[string]any{"custom_metadata": map[string]any{"actor": "bench"}}, nil)
	bare.do(b, http.MethodPut, data+"providers/"+provider, written("fake-new", round+1), nil)
	bare.do(b, http.MethodPut, data+"rotations/"+provider+id, written("record", 0), nil)
	bare.do(b, http.MethodGet, metadata+"backups/"+provider+"?list=true", nil, nil)
	bare.do(b, http.MethodGet, metadata+"rotations/"+provider+"?list=true", nil, nil)
}

func written(key string, cas int) map[string]any {
	return map[string]any{"data": map[string]any{"api_key": key}, "options": map[string]any{"cas": cas}}
}

func inParallel(workers int, providers []string, do func(provider string)) {
	for range parallel.Stream(workers, providers, func(provider string) struct{} { do(provider); return struct{}{} }) {
	}
}
