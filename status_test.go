package vaultkit_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

func TestStatus(t *testing.T) {
	client, monitor := clienttest.New(t), clienttest.NewWithPolicy(t, vaulttest.Policy(t, "", "monitor"))
	kv := vaulttest.Root(t).KVv2(vaulttest.Mount)
	soon := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	for name, tc := range map[string]struct {
		arrange func(t *testing.T, p string)
		query   vaultkit.StatusQuery
		want    func(s vaultkit.ProviderStatus) bool
	}{
		"fresh": {func(*testing.T, string) {}, vaultkit.StatusQuery{DueWithin: time.Hour, MaxAge: time.Hour}, func(s vaultkit.ProviderStatus) bool {
			return s.Version == 1 && s.Due == "" && s.ExpiresAt.IsZero() && s.DeletedAt.IsZero() && !s.Destroyed && len(s.Pending) == 0
		}},
		"old": {func(*testing.T, string) {}, vaultkit.StatusQuery{MaxAge: 1}, func(s vaultkit.ProviderStatus) bool { return s.Due == "age" }},
		"expires later": {func(t *testing.T, p string) { clienttest.Rotate(t, client, p, "fake-1", vaultkit.WithExpiresAt(soon)) },
			vaultkit.StatusQuery{DueWithin: time.Minute}, func(s vaultkit.ProviderStatus) bool {
				return s.Due == "" && s.LastExpiry.IsZero() && s.ExpiresAt.Equal(soon) && s.Version == 2
			}},
		"expires soon": {func(t *testing.T, p string) { clienttest.Rotate(t, client, p, "fake-1", vaultkit.WithExpiresAt(soon)) },
			vaultkit.StatusQuery{DueWithin: 2 * time.Hour, MaxAge: 1}, func(s vaultkit.ProviderStatus) bool { return s.Due == "expiring" }},
		"expired": {func(t *testing.T, p string) {
			clienttest.Rotate(t, client, p, "fake-1", vaultkit.WithExpiresAt(time.Now().Add(-time.Hour)))
		}, vaultkit.StatusQuery{}, func(s vaultkit.ProviderStatus) bool { return s.Due == "expired" }},
		"expiry of an older version": {func(t *testing.T, p string) {
			clienttest.Rotate(t, client, p, "fake-1", vaultkit.WithExpiresAt(time.Now().Add(-time.Hour)))
			vaulttest.Put(t, "providers/"+p, map[string]any{"api_key": "fake-foreign"})
		}, vaultkit.StatusQuery{}, func(s vaultkit.ProviderStatus) bool {
			return s.Due == "" && s.ExpiresAt.IsZero() && s.Version == 3 && time.Since(s.LastExpiry) > time.Minute && time.Since(s.LastExpiry) < 2*time.Hour
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
		"deleted soon": {func(t *testing.T, p string) { vaulttest.PutToBeDeleted(t, p, "1h") }, vaultkit.StatusQuery{DueWithin: 2 * time.Hour, MaxAge: 1},
			func(s vaultkit.ProviderStatus) bool {
				return s.Due == "deletion" && time.Until(s.DeletedAt) > 30*time.Minute
			}},
		"deleted later": {func(t *testing.T, p string) { vaulttest.PutToBeDeleted(t, p, "1h") }, vaultkit.StatusQuery{DueWithin: time.Minute},
			func(s vaultkit.ProviderStatus) bool { return s.Due == "" && !s.DeletedAt.IsZero() }},
		"deleted soon, after its expiry": {func(t *testing.T, p string) {
			vaulttest.PutToBeDeleted(t, p, "1h")
			clienttest.Rotate(t, client, p, "fake-1", vaultkit.WithExpiresAt(time.Now().Add(-time.Hour)))
		}, vaultkit.StatusQuery{DueWithin: 2 * time.Hour}, func(s vaultkit.ProviderStatus) bool { return s.Due == "expired" }},
	} {
		t.Run(name, func(t *testing.T) {
			p := vaulttest.PutProvider(t, clienttest.OldSecret)
			tc.arrange(t, p)
			tc.query.Providers = []string{p}
			all := clienttest.Status(t, monitor, tc.query)
			if len(all) != 1 || all[0].Provider != p || time.Since(all[0].InForceFrom).Abs() > time.Hour || all[0].Pending == nil || !tc.want(all[0]) {
				t.Errorf("Status = %+v", all)
			}
		})
	}
}

// Without names it is every provider, by name, and one that fails does not hide
// the others.
func TestStatusOfAll(t *testing.T) {
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
		t.Errorf("Status of %v", got)
	}
	var failed, fine int
	for status, err := range client.Status(t.Context(), vaultkit.StatusQuery{Providers: []string{"p001", "nobody", "p002"}}) {
		if err != nil {
			failed++
			if status.Provider != "nobody" || !errors.Is(err, vaultkit.ErrNotFound) {
				t.Errorf("%+v, %v", status, err)
			}
			continue
		}
		fine++
	}
	if failed != 1 || fine != 2 {
		t.Errorf("%d failed, %d fine", failed, fine)
	}
	seen := 0
	for range client.Status(t.Context(), vaultkit.StatusQuery{}) { // goleak says whether anything stays behind
		if seen++; seen == 3 {
			break
		}
	}
}

func TestStatusRefuses(t *testing.T) {
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
				t.Errorf("%s: %v", name, err)
			}
		}
		if results != 1 {
			t.Errorf("%s: %d results", name, results)
		}
	}
}

// A Vault that does not answer within the client's own bounds is down. Within those
// of a hasty caller nobody knows.
func TestHealthOfAVaultThatHangs(t *testing.T) {
	short := vaultkit.WithTimeouts(vaultkit.Timeouts{Read: 50 * time.Millisecond, Write: 50 * time.Millisecond})
	for name, tc := range map[string]struct {
		opts []vaultkit.Option
		wait time.Duration // of the caller; 0: no bound
		send func(context.Context, *vaultkit.Client, string) error
		down bool
	}{
		"the client's bound on reads": {[]vaultkit.Option{short}, 0, readOnce, true},
		"a caller's":                  {nil, 50 * time.Millisecond, readOnce, false},
		"the client's on writes":      {[]vaultkit.Option{short}, 0, rotateOnce, true},
		"a writing caller's":          {nil, 50 * time.Millisecond, rotateOnce, false},
		"the cache's":                 {[]vaultkit.Option{short, vaultkit.WithCache(time.Minute, 0)}, 0, readOnce, true},
	} {
		t.Run(name, func(t *testing.T) {
			provider, client := vaulttest.PutProvider(t, clienttest.OldSecret), clienttest.NewWithFaults(t, faultproxy.OnEvery("", "", faultproxy.Hang()), tc.opts...)
			ctx, cancel := context.WithCancel(t.Context())
			if tc.wait > 0 {
				ctx, cancel = context.WithTimeout(t.Context(), tc.wait)
			}
			defer cancel()
			if err := tc.send(ctx, client, provider); !errors.Is(err, vaultkit.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("send = %v, want no error", err)
			}
			told := func() bool { h := client.Health(); return h.DownError != nil && !h.DownSince.IsZero() && !h.OK() }
			if tc.down {
				vaulttest.Eventually(t, "Vault is down", told)
			} else if told() {
				t.Errorf("Health = %+v", client.Health())
			}
		})
	}
}

func readOnce(ctx context.Context, client *vaultkit.Client, provider string) error {
	return clienttest.ErrorOf(client.GetAPIKey(ctx, provider))
}

func rotateOnce(ctx context.Context, client *vaultkit.Client, provider string) error {
	return clienttest.ErrorOf(client.Rotate(ctx, provider, vaultkit.NewKey("fake-new")))
}
