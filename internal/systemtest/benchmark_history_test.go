package systemtest_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/protocol"
)

// BenchmarkRotateLongHistory compares a provider with 10 rotations with one with 10,000.
func BenchmarkRotateLongHistory(b *testing.B) { compareRotations(b, addRotations, 10, 10_000) }

// BenchmarkRotateManyRevoked compares a provider with 10 revoked keys with one with 1,000.
func BenchmarkRotateManyRevoked(b *testing.B) { compareRotations(b, addRevocations, 10, 1000) }

// compareRotations rotates a provider with few past entries, and one with many.
func compareRotations(b *testing.B, add func(b *testing.B, provider string, n int), few, many int) {
	b.Helper()
	client := clienttest.New(b)
	with := func(n int) peer {
		provider := storeMany(b, 1)[0]
		add(b, provider, n)
		rotate := func(round int) {
			_, err := client.Rotate(b.Context(), provider, vaultkit.NewKey(fmt.Sprintf("fake-%d", round)))
			mustSucceed(b, err)
		}
		rotate(-1) // what comes before it was written without a record
		return peer{strconv.Itoa(n) + "-behind", rotate}
	}
	compare(b, with(few), with(many))
}

// addRotations stores the backups and records of rotations.
func addRotations(b *testing.B, provider string, n int) {
	b.Helper()
	began := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	addEach(b, n, func(put put, i int) error {
		id := protocol.NewID(began.Add(time.Duration(i)*time.Hour), i+1, []byte(strconv.Itoa(i)), []byte(strconv.Itoa(i+1))).String()
		if err := put("backups/"+provider+"/"+id, map[string]any{"api_key": fmt.Sprintf("fake-old-%d", i)}); err != nil {
			return err
		}
		return put("rotations/"+provider+"/"+id, map[string]any{"schema": 1, "id": id, "provider": provider, "outcome": "committed"})
	})
}

// addRevocations stores the entries of revoked keys.
func addRevocations(b *testing.B, provider string, n int) {
	b.Helper()
	addEach(b, n, func(put put, i int) error {
		name := protocol.AttemptName(provider, "api_key", fmt.Sprintf("fake-revoked-%d", i), protocol.NewAttemptID())
		return put("revocations/"+provider+"/"+protocol.AttemptDirectory(name)+"/"+name,
			map[string]any{"schema": 1, "kind": "revoke-old", "provider": provider, "field": "api_key"})
	})
}

type put func(path string, fields map[string]any) error

func addEach(b *testing.B, n int, add func(put put, i int) error) {
	b.Helper()
	kv := newOfficial(b).KVv2("secret")
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	_, err := parallel.Map(b.Context(), 16, numbers, func(ctx context.Context, i int) (struct{}, error) {
		return struct{}{}, add(func(path string, fields map[string]any) error {
			_, err := kv.Put(ctx, under+path, fields)
			return err
		}, i)
	})
	mustSucceed(b, err)
}

// BenchmarkRotateHeldBack delays each request of a rotation by 5 ms, as a network does.
func BenchmarkRotateHeldBack(b *testing.B) {
	heldBack := func(next http.RoundTripper) http.RoundTripper { return delay{next, 5 * time.Millisecond} }
	client, official := clienttest.New(b, vaultkit.WithTransport(heldBack)), newOfficial(b, heldBack)
	ours, theirs := storeMany(b, 1)[0], storeMany(b, 1)[0]
	compare(b,
		peer{"five-calls", func(round int) { rotateByHand(b, official, theirs, round) }},
		peer{"vaultkit", func(round int) {
			_, err := client.Rotate(b.Context(), ours, vaultkit.NewKey(fmt.Sprintf("fake-%d", round)))
			mustSucceed(b, err)
		}},
	)
}

// delay is a transport that waits before each request.
type delay struct {
	next http.RoundTripper
	wait time.Duration
}

func (d delay) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(d.wait)
	return d.next.RoundTrip(r)
}
