package vaultkit_test

import (
	"context"
	"errors"
	"reflect"
	"sync/atomic"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
)

// perProvider is a source that makes each provider a key of its own, and counts how
// many are made at once.
type perProvider struct{ now, most atomic.Int64 }

func (*perProvider) Name() string { return "per provider" }

func (s *perProvider) NewFields(_ context.Context, target vaultkit.Target) (map[string]any, error) {
	now := s.now.Add(1)
	defer s.now.Add(-1)
	for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); most = s.most.Load() {
	}
	return map[string]any{"api_key": "fake-" + target.Provider}, nil
}

// 64 providers at once, by 16 workers: each is rotated once, backed up and recorded.
func TestRotateAll(t *testing.T) {
	client := clienttest.NewWithPolicy(t, vaulttest.Policy(t, "", "rotator"))
	providers, source := clienttest.PutProviders(t, 64), &perProvider{}
	var done []string
	for one := range client.RotateAll(t.Context(), 16, providers, source, vaultkit.WithReason("all at once")) {
		if one.Err != nil || one.Rotation.Reason != "all at once" || one.Rotation.NewVersion != 2 {
			t.Errorf("%+v", one)
		}
		done = append(done, one.Provider)
	}
	if !reflect.DeepEqual(done, providers) {
		t.Errorf("rotated %v", done)
	}
	for _, p := range providers {
		snapshot := vaulttest.Snapshot(t, p)
		entry := snapshot["providers/"+p]
		if len(snapshot) != 3 || entry.Current != 2 || entry.Versions[2]["api_key"] != "fake-"+p || entry.Versions[2]["keep"] != "kept" {
			t.Errorf("%s: %+v", p, snapshot)
		}
	}
	if most := source.most.Load(); most > 16 {
		t.Errorf("%d at once", most)
	}
}

// One that fails does not stop the others.
func TestRotateAllGoesOn(t *testing.T) {
	client, providers := clienttest.New(t), clienttest.PutProviders(t, 5)
	providers[2] = vaulttest.Name(t)
	failed := 0
	for one := range client.RotateAll(t.Context(), 2, providers, vaultkit.RandomKey()) {
		if (one.Err != nil) != (one.Provider == providers[2]) || (one.Rotation != nil) == (one.Err != nil) {
			t.Errorf("%+v", one)
		}
		if errors.Is(one.Err, vaultkit.ErrNotFound) {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("%d failed", failed)
	}
}

// Leaving the loop, or cancelling, begins no more.
func TestRotateAllStops(t *testing.T) {
	client, providers := clienttest.New(t), clienttest.PutProviders(t, 30)
	for range client.RotateAll(t.Context(), 1, providers, vaultkit.RandomKey()) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	results := 0
	for one := range client.RotateAll(ctx, 1, providers, vaultkit.RandomKey()) {
		cancel()
		results++
		if one.Err != nil && !errors.Is(one.Err, context.Canceled) {
			t.Errorf("%+v", one)
		}
	}
	if results != len(providers) {
		t.Errorf("%d results", results)
	}
	untouched := 0
	for _, p := range providers {
		if vaulttest.Snapshot(t, p)["providers/"+p].Current == 1 {
			untouched++
		}
	}
	if untouched < 15 {
		t.Errorf("only %d of 30 are untouched", untouched)
	}
}

func TestRotateAllRefusesAll(t *testing.T) {
	client, good := clienttest.New(t), vaulttest.PutProvider(t, clienttest.OldSecret)
	for name, tc := range map[string]struct {
		workers   int
		providers []string
		source    vaultkit.Source
		faults    int
	}{
		"bad names": {0, []string{good, "a/b", "../c"}, vaultkit.RandomKey(), 2},
		"twice":     {0, []string{good, good}, vaultkit.RandomKey(), 1},
		"no source": {0, []string{good}, nil, 1},
		"workers":   {-1, []string{good}, vaultkit.RandomKey(), 1},
		"nobody":    {0, nil, vaultkit.RandomKey(), 0},
	} {
		vaulttest.AssertUnchanged(t, good, func() {
			faults := 0
			for one := range client.RotateAll(t.Context(), tc.workers, tc.providers, tc.source) {
				if faults++; !errors.Is(one.Err, vaultkit.ErrInvalid) || one.Rotation != nil {
					t.Errorf("%s: %+v", name, one)
				}
			}
			if faults != tc.faults {
				t.Errorf("%s: %d faults, want %d", name, faults, tc.faults)
			}
		})
	}
}
