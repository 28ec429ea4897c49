package kv_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/vaulterr"
	"goblin/vaultkit/internal/vaulttest"
)

// sender sends requests with the root token, without a session.
type sender struct{ client *api.Client }

func (s sender) Do(ctx context.Context, send func(context.Context, *api.Client) error) error {
	return send(ctx, s.client)
}

func newStore(t *testing.T) *kv.Store {
	t.Helper()
	return kv.New(sender{vaulttest.Root(t)}, vaulttest.Mount, vaulttest.Base, backoff.Backoff{Min: time.Millisecond})
}

func TestCheckName(t *testing.T) {
	for _, good := range []string{"a", "openai-gpt4", "A.b_c-9", "9", strings.Repeat("x", 128)} {
		if err := kv.CheckName("name", good); err != nil {
			t.Errorf("CheckName(%q) = %v, want nil", good, err)
		}
	}
	for _, bad := range []string{"", ".", "..", "a..b", "a/b", "a%2fb", "a b", "-a", "_a", ".a", "ä", "a\n", "a\x00", strings.Repeat("x", 129)} {
		if err := kv.CheckName("name", bad); !errors.Is(err, vaulterr.ErrInvalid) {
			t.Errorf("CheckName(%q) = %v, want ErrInvalid", bad, err)
		}
	}
}

func TestCheckPath(t *testing.T) {
	for _, good := range []string{"secret", "team/secret", "a/b/c"} {
		if err := kv.CheckPath("mount", good); err != nil {
			t.Errorf("CheckPath(%q) = %v, want nil", good, err)
		}
	}
	for _, bad := range []string{"", "/", "secret/", "/secret", "a//b", "a/../b", "../sys", "a b"} {
		if err := kv.CheckPath("mount", bad); !errors.Is(err, vaulterr.ErrInvalid) {
			t.Errorf("CheckPath(%q) = %v, want ErrInvalid", bad, err)
		}
	}
}

// A request for an invalid name is never sent.
func TestInvalidKeys_AreNeverSent(t *testing.T) {
	store := kv.New(nil, vaulttest.Mount, vaulttest.Base, backoff.Backoff{}) // a nil Sender panics when used
	for _, entry := range []kv.EntryName{{"providers", "../../sys/health"}, {".."}, {"backups", "p", ""}, {"a/b"}, {"providers", kv.Wildcard}} {
		for verb, err := range map[string]error{
			"Read":                fails(store.Read(t.Context(), entry)),
			"ReadVersion":         fails(store.ReadVersion(t.Context(), entry, 1)),
			"Write":               fails(store.Write(t.Context(), entry, 0, nil)),
			"Metadata":            fails(store.Metadata(t.Context(), entry)),
			"List":                fails(store.List(t.Context(), entry)),
			"PutCustomMetadata":   store.PutCustomMetadata(t.Context(), entry, nil),
			"PatchCustomMetadata": store.PatchCustomMetadata(t.Context(), entry, nil),
			"CheckCapabilities":   store.CheckCapabilities(t.Context(), []kv.PathCapability{{Entry: entry, Endpoint: "data", Capability: "read"}}),
		} {
			if !errors.Is(err, vaulterr.ErrInvalid) {
				t.Errorf("%s(%q) = %v, want ErrInvalid", verb, entry, err)
			}
		}
	}
}

func fails[T any](_ T, err error) error { return err }

// A policy's paths are the paths of requests, with Wildcard in place of a segment.
func TestLayout(t *testing.T) {
	request, policy := kv.Layout{Mount: "team/kv", Base: "a/b"}, kv.Layout{Mount: "team/kv", Base: "a/b", Wildcards: true}
	for _, tc := range []struct {
		endpoint        func(kv.Layout, kv.EntryName) (string, error)
		entry           kv.EntryName
		path, forPolicy string // empty: an error
	}{
		{kv.Layout.Data, kv.EntryName{"providers", "p"}, "team/kv/data/a/b/providers/p", "team/kv/data/a/b/providers/p"},
		{kv.Layout.Metadata, kv.EntryName{"backups", "p", "id"}, "team/kv/metadata/a/b/backups/p/id", "team/kv/metadata/a/b/backups/p/id"},
		{kv.Layout.List, kv.EntryName{"providers"}, "team/kv/metadata/a/b/providers/", "team/kv/metadata/a/b/providers/"},
		{kv.Layout.Data, kv.EntryName{"providers", kv.Wildcard}, "", "team/kv/data/a/b/providers/+"},
		{kv.Layout.Metadata, kv.EntryName{"backups", "p", kv.Wildcard}, "", "team/kv/metadata/a/b/backups/p/+"},
		{kv.Layout.List, kv.EntryName{"rotations", kv.Wildcard}, "", "team/kv/metadata/a/b/rotations/+/"},
		{kv.Layout.Data, kv.EntryName{"providers", "*"}, "", ""},
		{kv.Layout.Data, kv.EntryName{"providers", "p+"}, "", ""},
		{kv.Layout.List, kv.EntryName{".."}, "", ""},
	} {
		for layout, want := range map[kv.Layout]string{request: tc.path, policy: tc.forPolicy} {
			got, err := tc.endpoint(layout, tc.entry)
			if want == "" && !errors.Is(err, vaulterr.ErrInvalid) || want != "" && (err != nil || got != want) {
				t.Errorf("path of %q with Wildcards %t = %q, %v, want %q", tc.entry, layout.Wildcards, got, err, want)
			}
		}
	}
}

// Vault would return the newest version for version 0.
func TestReadVersionRefusesZero(t *testing.T) {
	store := newStore(t)
	name := vaulttest.Name(t)
	vaulttest.Put(t, "providers/"+name, map[string]any{"api_key": "fake"})
	for version, want := range map[int]error{-1: vaulterr.ErrInvalid, 0: vaulterr.ErrInvalid, 1: nil, 2: vaulterr.ErrNotFound} {
		secret, err := store.ReadVersion(t.Context(), kv.EntryName{"providers", name}, version)
		if !errors.Is(err, want) || err == nil && secret.Version != version {
			t.Errorf("ReadVersion(%d) = %+v, %v, want ErrInvalid", version, secret, err)
		}
	}
}

func TestWriteIsCheckedAndSet(t *testing.T) {
	store := newStore(t)
	entry := kv.EntryName{"providers", vaulttest.Name(t)}
	written, err := store.Write(t.Context(), entry, 0, map[string]any{"api_key": "fake-1"})
	if err != nil || written.Version != 1 || written.Created.IsZero() || written.RequestID == "" {
		t.Fatalf("Write = %+v, %v, want version 1 with its time and its request id", written, err)
	}
	for _, cas := range []int{0, 2} {
		if _, err := store.Write(t.Context(), entry, cas, map[string]any{"api_key": "fake-2"}); !errors.Is(err, vaulterr.ErrConflict) {
			t.Errorf("Write with cas %d = %v, want ErrConflict", cas, err)
		}
	}
	if written, err = store.Write(t.Context(), entry, 1, map[string]any{"api_key": "fake-2"}); err != nil || written.Version != 2 {
		t.Errorf("Write with cas 1 = %+v, %v, want version 2", written, err)
	}
	meta, err := store.Metadata(t.Context(), entry)
	if err != nil || meta.Current != 2 || len(meta.Versions) != 2 || !meta.Versions[2].Equal(written.Created) || meta.Created.After(written.Created) {
		t.Errorf("Metadata = %+v, %v, want two versions, the current one of %v", meta, err, written.Created)
	}
}

// Changes of the custom metadata keep the other metadata.
func TestCustomMetadata(t *testing.T) {
	store := newStore(t)
	name := vaulttest.Name(t)
	entry := kv.EntryName{"providers", name}
	vaulttest.Put(t, "providers/"+name, map[string]any{"api_key": "fake"})
	path := vaulttest.Mount + "/metadata/" + vaulttest.Base + "/providers/" + name
	root := vaulttest.Root(t)
	if _, err := root.Logical().WriteWithContext(t.Context(), path, map[string]any{"max_versions": 7}); err != nil {
		t.Fatal(err)
	}
	if err := store.PutCustomMetadata(t.Context(), entry, map[string]string{"a": "1", "b": "2"}); err != nil {
		t.Fatal(err)
	}
	if err := store.PatchCustomMetadata(t.Context(), entry, map[string]string{"b": "3"}); err != nil {
		t.Fatal(err)
	}
	meta, err := root.KVv2(vaulttest.Mount).GetMetadata(t.Context(), vaulttest.Base+"/providers/"+name)
	if err != nil || meta.MaxVersions != 7 || meta.CustomMetadata["a"] != "1" || meta.CustomMetadata["b"] != "3" {
		t.Errorf("Metadata = %+v, %v, want max_versions 7, a=1 and b=3", meta, err)
	}
}

func TestRetryWhile_KeepsTheLastResponse(t *testing.T) {
	store := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	unavailable := &vaulterr.Error{Kind: vaulterr.ErrUnavailable, Detail: "a response"}
	calls := 0
	err := store.RetryWhile(ctx, func(err error) bool { return err != nil }, func() error {
		if calls++; calls < 3 {
			return unavailable
		}
		cancel()
		return context.Canceled
	})
	if calls != 3 || !errors.Is(err, vaulterr.ErrUnavailable) || !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "a response") {
		t.Errorf("RetryWhile = %v after %d calls, want the last response and the cancellation after 3", err, calls)
	}
}

// A proxy's page with status 200 does not acknowledge a write, also where Vault sends no body.
func TestWrite_IgnoresAProxysPage(t *testing.T) {
	for name, page := range map[string]string{"html": "<html>maintenance</html>", "cut": `{"warnings":["x"`, "empty": ""} {
		proxy, err := faultproxy.New(vaulttest.Server().Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = proxy.Close() })
		proxy.SetRule(faultproxy.OnEvery("", "", faultproxy.Error(200, page, false)))
		store := kv.New(sender{vaulttest.RootAt(t, proxy.URL(), vaulttest.Server().RootToken())}, vaulttest.Mount, vaulttest.Base, backoff.Backoff{})
		for verb, err := range map[string]error{
			"Write":             fails(store.Write(t.Context(), kv.EntryName{"providers", "a"}, 0, map[string]any{"api_key": "fake"})),
			"PutCustomMetadata": store.PutCustomMetadata(t.Context(), kv.EntryName{"providers", "a"}, map[string]string{"a": "1"}),
		} {
			if !vaulterr.MaybeApplied(err) {
				t.Errorf("%s with %s = %v, want that the write may be applied", verb, name, err)
			}
		}
	}
}

// TestCapabilities_SendsBatches: OpenBao refuses a request with a thousand paths or more.
func TestCapabilities_SendsBatches(t *testing.T) {
	proxy, err := faultproxy.New(vaulttest.Server().Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			t.Error(err)
		}
	})
	store := kv.New(sender{vaulttest.RootAt(t, proxy.URL(), vaulttest.Server().RootToken())}, vaulttest.Mount, vaulttest.Base, backoff.Backoff{})
	var paths []string
	for i := range 250 {
		paths = append(paths, fmt.Sprintf("secret/data/%d", i), "secret/data/0")
	}
	granted, err := store.Capabilities(t.Context(), paths)
	if err != nil || len(granted) != 250 {
		t.Errorf("Capabilities of 250 paths = %d of them, %v, want all", len(granted), err)
	}
	for path, have := range granted {
		if !slices.Contains(have, "root") {
			t.Errorf("Capabilities: %s = %q, want root", path, have)
		}
	}
	if got := len(proxy.Log()); got != 3 {
		t.Errorf("Capabilities of 250 paths sends %d requests, want 3", got)
	}
}
