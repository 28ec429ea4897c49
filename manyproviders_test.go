package vaultkit_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
)

// The tests of the calls over many providers: Status and RotateAll.

func TestStatus(t *testing.T) {
	client, monitor := clienttest.New(t), clienttest.NewWithPolicy(t, vaulttest.Policy(t, "", "monitor"))
	kv := vaulttest.Root(t).KVv2(vaulttest.Mount)
	soon := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	nothing := func(*testing.T, string) {}
	deletion := func(t *testing.T, p string) { vaulttest.PutToBeDeleted(t, p, "1h") }
	expires := func(at time.Time) func(*testing.T, string) {
		return func(t *testing.T, p string) { clienttest.Rotate(t, client, p, "fake-1", vaultkit.WithExpiresAt(at)) }
	}
	due := func(reason string) func(vaultkit.ProviderStatus) bool {
		return func(s vaultkit.ProviderStatus) bool { return s.Due == reason }
	}
	for name, tc := range map[string]struct {
		arrange func(t *testing.T, p string)
		query   vaultkit.StatusQuery
		want    func(s vaultkit.ProviderStatus) bool
	}{
		"fresh": {nothing, vaultkit.StatusQuery{DueWithin: time.Hour, MaxAge: time.Hour}, func(s vaultkit.ProviderStatus) bool {
			return s.Version == 1 && s.Due == "" && s.ExpiresAt.IsZero() && s.DeletedAt.IsZero() && !s.Destroyed && len(s.Pending) == 0
		}},
		"old": {nothing, vaultkit.StatusQuery{MaxAge: 1}, due("age")},
		"expires later": {expires(soon), vaultkit.StatusQuery{DueWithin: time.Minute}, func(s vaultkit.ProviderStatus) bool {
			return s.Due == "" && s.LastExpiry.IsZero() && s.ExpiresAt.Equal(soon) && s.Version == 2
		}},
		"expires soon": {expires(soon), vaultkit.StatusQuery{DueWithin: 2 * time.Hour, MaxAge: 1}, due("expiring")},
		"expired":      {expires(time.Now().Add(-time.Hour)), vaultkit.StatusQuery{}, due("expired")},
		"expiry of an older version": {func(t *testing.T, p string) {
			expires(time.Now().Add(-time.Hour))(t, p)
			vaulttest.Put(t, "providers/"+p, map[string]any{"api_key": "fake-foreign"})
		}, vaultkit.StatusQuery{}, func(s vaultkit.ProviderStatus) bool {
			ago := time.Since(s.LastExpiry)
			return s.Due == "" && s.ExpiresAt.IsZero() && s.Version == 3 && ago > time.Minute && ago < 2*time.Hour
		}},
		"pending": {func(t *testing.T, p string) { clienttest.CrashBeforeCommit(t, p, "fake-1") }, vaultkit.StatusQuery{},
			func(s vaultkit.ProviderStatus) bool { return len(s.Pending) == 1 && s.Due == "" }},
		"deleted": {func(t *testing.T, p string) {
			if err := kv.Delete(t.Context(), vaulttest.Base+"/providers/"+p); err != nil {
				t.Fatalf("Delete = %v, want no error", err)
			}
		}, vaultkit.StatusQuery{MaxAge: 1}, func(s vaultkit.ProviderStatus) bool {
			return !s.DeletedAt.IsZero() && !s.Destroyed && s.Due == "deleted"
		}},
		"destroyed": {func(t *testing.T, p string) {
			if err := kv.Destroy(t.Context(), vaulttest.Base+"/providers/"+p, []int{1}); err != nil {
				t.Fatalf("Destroy = %v, want no error", err)
			}
		}, vaultkit.StatusQuery{}, func(s vaultkit.ProviderStatus) bool { return s.Destroyed && s.Due == "deleted" }},
		"deleted soon": {deletion, vaultkit.StatusQuery{DueWithin: 2 * time.Hour, MaxAge: 1}, func(s vaultkit.ProviderStatus) bool {
			return s.Due == "deletion" && time.Until(s.DeletedAt) > 30*time.Minute
		}},
		"deleted later": {deletion, vaultkit.StatusQuery{DueWithin: time.Minute}, func(s vaultkit.ProviderStatus) bool {
			return s.Due == "" && !s.DeletedAt.IsZero()
		}},
		"deleted soon, after its expiry": {func(t *testing.T, p string) {
			deletion(t, p)
			expires(time.Now().Add(-time.Hour))(t, p)
		}, vaultkit.StatusQuery{DueWithin: 2 * time.Hour}, due("expired")},
	} {
		t.Run(name, func(t *testing.T) {
			p := vaulttest.PutProvider(t, clienttest.OldSecret)
			tc.arrange(t, p)
			tc.query.Providers = []string{p}
			all := clienttest.Status(t, monitor, tc.query)
			if len(all) != 1 || all[0].Provider != p || time.Since(all[0].InForceFrom).Abs() > time.Hour ||
				all[0].Pending == nil || !tc.want(all[0]) {
				t.Errorf("Status = %+v, want %s", all, name)
			}
		})
	}
}

// Without names, Status yields every provider, by name. If one cannot be read, the others follow.
func TestStatus_OfAllProviders(t *testing.T) {
	base := vaultkit.WithBasePath("status-of-all")
	client := clienttest.New(t, base)
	var want []string
	for i := range 100 {
		name := fmt.Sprintf("p%03d", i)
		if _, err := client.PutProviderKeys(t.Context(), name, vaultkit.ProviderKeys{"api_key": "fake"}); err != nil {
			t.Fatalf("PutProviderKeys = %v, want no error", err)
		}
		want = append(want, name)
	}
	var got []string
	for _, status := range clienttest.Status(t, client, vaultkit.StatusQuery{}) {
		got = append(got, status.Provider)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Status yielded %v, want %v", got, want)
	}
	var failed, fine int
	for status, err := range client.Status(t.Context(), vaultkit.StatusQuery{Providers: []string{"p001", "nobody", "p002"}}) {
		if err != nil {
			failed++
			if status.Provider != "nobody" || !errors.Is(err, vaultkit.ErrNotFound) {
				t.Errorf("Status yielded %+v, %v, want ErrNotFound for nobody", status, err)
			}
			continue
		}
		fine++
	}
	if failed != 1 || fine != 2 {
		t.Errorf("Status yielded %d errors and %d providers, want 1 and 2", failed, fine)
	}
	seen := 0
	for range client.Status(t.Context(), vaultkit.StatusQuery{}) { // goleak reports goroutines that are left
		if seen++; seen == 3 {
			break
		}
	}
}

func TestStatus_RefusesInvalidQueries(t *testing.T) {
	client := clienttest.New(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tc := range map[string]struct {
		ctx   context.Context
		query vaultkit.StatusQuery
		want  error
	}{
		"name":      {t.Context(), vaultkit.StatusQuery{Providers: []string{"a/b"}}, vaultkit.ErrInvalid},
		"duration":  {t.Context(), vaultkit.StatusQuery{MaxAge: -1}, vaultkit.ErrInvalid},
		"cancelled": {cancelled, vaultkit.StatusQuery{}, context.Canceled},
	} {
		results := 0
		for _, err := range client.Status(tc.ctx, tc.query) {
			if results++; !errors.Is(err, tc.want) {
				t.Errorf("%s: Status yielded %v, want %v", name, err, tc.want)
			}
		}
		if results != 1 {
			t.Errorf("%s: Status yielded %d results, want 1", name, results)
		}
	}
}

// perProvider is a source that makes a different key for each provider, and counts how many are made
// at the same time.
type perProvider struct{ now, most atomic.Int64 }

func (*perProvider) Name() string { return "per provider" }

func (s *perProvider) NewFields(_ context.Context, target vaultkit.Target) (map[string]any, error) {
	now := s.now.Add(1)
	defer s.now.Add(-1)
	for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); most = s.most.Load() {
	}
	return map[string]any{"api_key": "fake-" + target.Provider}, nil
}

// RotateAll rotates each of 64 providers once, with backup and record, at most 16 at the same time.
func TestRotateAll(t *testing.T) {
	client := clienttest.NewWithPolicy(t, vaulttest.Policy(t, "", "rotator"))
	providers, source := clienttest.PutProviders(t, 64), &perProvider{}
	var done []string
	for one := range client.RotateAll(t.Context(), 16, providers, source, vaultkit.WithReason("all at once")) {
		if one.Err != nil || one.Rotation.Reason != "all at once" || one.Rotation.NewVersion != 2 {
			t.Errorf("RotateAll yielded %+v, want version 2 with the reason", one)
		}
		done = append(done, one.Provider)
	}
	if !reflect.DeepEqual(done, providers) {
		t.Errorf("RotateAll yielded %v, want %v", done, providers)
	}
	for _, p := range providers {
		snapshot := vaulttest.Snapshot(t, p)
		entry := snapshot["providers/"+p]
		rotated := entry.Current == 2 && entry.Versions[2]["api_key"] == "fake-"+p && entry.Versions[2]["keep"] == "kept"
		if len(snapshot) != 3 || !rotated {
			t.Errorf("%s holds %+v, want version 2, a backup and a record", p, snapshot)
		}
	}
	if most := source.most.Load(); most > 16 {
		t.Errorf("RotateAll made %d rotations at the same time, want at most 16", most)
	}
}

// If one rotation fails, the others go on.
func TestRotateAll_ContinuesAfterAnError(t *testing.T) {
	client, providers := clienttest.New(t), clienttest.PutProviders(t, 5)
	providers[2] = vaulttest.Name(t)
	failed := 0
	for one := range client.RotateAll(t.Context(), 2, providers, vaultkit.RandomKey()) {
		if (one.Err != nil) != (one.Provider == providers[2]) || (one.Rotation != nil) == (one.Err != nil) {
			t.Errorf("RotateAll yielded %+v, want an error for %s alone", one, providers[2])
		}
		if errors.Is(one.Err, vaultkit.ErrNotFound) {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("RotateAll yielded %d ErrNotFound, want 1", failed)
	}
}

// After a break, and after its context ends, RotateAll begins no further rotation.
func TestRotateAll_Stops(t *testing.T) {
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
			t.Errorf("RotateAll yielded %+v, want no error or context.Canceled", one)
		}
	}
	if results != len(providers) {
		t.Errorf("RotateAll yielded %d results, want %d", results, len(providers))
	}
	untouched := 0
	for _, p := range providers {
		if vaulttest.Snapshot(t, p)["providers/"+p].Current == 1 {
			untouched++
		}
	}
	if untouched < 15 {
		t.Errorf("RotateAll left %d of 30 providers unchanged, want at least 15", untouched)
	}
}

func TestRotateAll_RefusesInvalidInput(t *testing.T) {
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
					t.Errorf("%s: RotateAll yielded %+v, want ErrInvalid alone", name, one)
				}
			}
			if faults != tc.faults {
				t.Errorf("%s: RotateAll yielded %d errors, want %d", name, faults, tc.faults)
			}
		})
	}
}
