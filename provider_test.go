package vaultkit_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

func TestReads(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-key", "port": 8080, "ratio": 1.0, "big": 1e21, "on": true})
	if got := clienttest.APIKey(t, client, p); got != "fake-key" {
		t.Errorf("GetAPIKey = %q, want fake-key", got)
	}
	for field, want := range map[string]string{"port": "8080", "ratio": "1", "big": "1e+21", "on": "true", "api_key": "fake-key"} {
		if got, err := client.GetField(t.Context(), p, field); err != nil || got != want {
			t.Errorf("GetField(%s) = %q, %v, want %q", field, got, err, want)
		}
	}
	keys, err := client.GetProviderKeys(t.Context(), p)
	if err != nil || keys["api_key"] != "fake-key" || keys["port"] != "8080" || len(keys) != 5 {
		t.Errorf("GetProviderKeys = %v, %v, want five fields", keys.Reveal(), err)
	}
	names, err := client.Providers(t.Context())
	if err != nil || !slices.IsSorted(names) || !slices.Contains(names, p) {
		t.Errorf("Providers = %v, %v, want a sorted list with %s", names, err, p)
	}
}

func TestProviders_LeavesOutInvalidNames(t *testing.T) {
	var events []event.Event
	client := clienttest.New(t, vaultkit.WithBasePath("only-providers"), vaultkit.WithObserver(func(e event.Event) {
		if e.Kind == event.LeftOut {
			events = append(events, e)
		}
	}))
	if names, err := client.Providers(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("Providers without a provider = %v, %v, want none", names, err)
	}
	kv := vaulttest.Root(t).KVv2(vaulttest.Mount)
	for _, path := range []string{"b", "a", "folder/x", "with space"} {
		if _, err := kv.Put(t.Context(), "only-providers/providers/"+path, map[string]any{"api_key": "fake"}); err != nil {
			t.Fatalf("Put = %v, want no error", err)
		}
	}
	for range 2 {
		if names, err := client.Providers(t.Context()); err != nil || !slices.Equal(names, []string{"a", "b"}) {
			t.Errorf("Providers = %v, %v, want a and b", names, err)
		}
	}
	if len(events) != 1 || !strings.Contains(events[0].Err.Error(), "names that vaultkit does not accept: 2;") {
		t.Errorf("events of the kind left-out = %+v, want one that says 2", events)
	}
}

// Each failure of a read has its own sentinel, and its text says what to do.
func TestGetAPIKey_Errors(t *testing.T) {
	client := clienttest.New(t)
	kv := vaulttest.Root(t).KVv2(vaulttest.Mount)
	deleted, destroyed := vaulttest.PutProvider(t, clienttest.OldSecret), vaulttest.PutProvider(t, clienttest.OldSecret)
	if err := kv.Delete(t.Context(), vaulttest.Base+"/providers/"+deleted); err != nil {
		t.Fatalf("Delete = %v, want no error", err)
	}
	if err := kv.Destroy(t.Context(), vaulttest.Base+"/providers/"+destroyed, []int{1}); err != nil {
		t.Fatalf("Destroy = %v, want no error", err)
	}
	closed := clienttest.New(t)
	if err := closed.Close(); err != nil {
		t.Fatalf("Close = %v, want no error", err)
	}
	v1, object := clientOfMovedMount(t), vaulttest.PutProvider(t, map[string]any{"api_key": map[string]any{"x": 1}})
	allowed := `path "secret/data/goblin-assistant/providers/allowed" { capabilities = ["read"] }`
	for name, tc := range map[string]struct {
		client   *vaultkit.Client
		provider string
		want     error
		not      []error
		says     string
	}{
		"absent":    {client, "nobody", vaultkit.ErrNotFound, []error{vaultkit.ErrDeleted, vaultkit.ErrMountNotFound}, "check the name"},
		"deleted":   {client, deleted, vaultkit.ErrDeleted, []error{vaultkit.ErrNotFound, vaultkit.ErrDestroyed}, "undelete"},
		"destroyed": {client, destroyed, vaultkit.ErrDestroyed, []error{vaultkit.ErrNotFound}, "for good"},
		"no field": {client, vaulttest.PutProvider(t, map[string]any{"other": "x"}),
			vaultkit.ErrFieldMissing, []error{vaultkit.ErrNotFound}, "has the fields other"},
		"empty field": {client, vaulttest.PutProvider(t, map[string]any{"api_key": ""}), vaultkit.ErrFieldMissing, nil, "empty"},
		"an object":   {client, object, vaultkit.ErrInvalid, nil, `"api_key"`},
		"a list":      {client, vaulttest.PutProvider(t, map[string]any{"api_key": []any{"x"}}), vaultkit.ErrInvalid, nil, `"api_key"`},
		"null":        {client, vaulttest.PutProvider(t, map[string]any{"api_key": nil}), vaultkit.ErrInvalid, nil, `"api_key"`},
		"forbidden": {clienttest.NewWithPolicy(t, allowed), "nobody",
			vaultkit.ErrPermissionDenied, []error{vaultkit.ErrUnauthenticated, vaultkit.ErrNotFound}, `"read"`},
		"closed":      {closed, "nobody", vaultkit.ErrClosed, nil, "new client"},
		"mount gone":  {v1["gone"], "nobody", vaultkit.ErrMountNotFound, []error{vaultkit.ErrNotFound}, "mount"},
		"mount is v1": {v1["v1"], "p", vaultkit.ErrNotKVv2, []error{vaultkit.ErrNotFound}, "version 2"},
	} {
		t.Run(name, func(t *testing.T) {
			for verb, err := range map[string]error{
				"GetAPIKey": clienttest.ErrorOf(tc.client.GetAPIKey(t.Context(), tc.provider)),
				"GetField":  clienttest.ErrorOf(tc.client.GetField(t.Context(), tc.provider, "api_key")),
			} {
				failed, ok := errors.AsType[*vaultkit.Error](err)
				if !ok || !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) || failed.Op != verb || failed.Provider != tc.provider {
					t.Errorf("%s = %v, want %v and %q", verb, err, tc.want, tc.says)
				}
				for _, not := range tc.not {
					if errors.Is(err, not) {
						t.Errorf("%s = %v, want an error that is not %v", verb, err, not)
					}
				}
			}
		})
	}
}

// clientOfMovedMount returns two clients whose mounts changed after New had checked them.
func clientOfMovedMount(t *testing.T) map[string]*vaultkit.Client {
	t.Helper()
	root := vaulttest.Root(t)
	clients := map[string]*vaultkit.Client{}
	for _, name := range []string{"gone", "v1"} {
		mount := vaulttest.Name(t)
		v2 := &api.MountInput{Type: "kv", Options: map[string]string{"version": "2"}}
		if err := root.Sys().MountWithContext(t.Context(), mount, v2); err != nil {
			t.Fatalf("MountWithContext = %v, want no error", err)
		}
		vaulttest.Eventually(t, "the mount is upgraded", func() bool {
			client, err := vaultkit.New(t.Context(), vaultkit.WithAPIClient(root), vaultkit.WithMount(mount))
			clients[name] = client
			return err == nil
		})
		t.Cleanup(func() { clients[name].Close() })
		if err := root.Sys().UnmountWithContext(t.Context(), mount); err != nil {
			t.Fatalf("UnmountWithContext = %v, want no error", err)
		}
		if name == "v1" {
			if err := root.Sys().MountWithContext(t.Context(), mount, &api.MountInput{Type: "kv"}); err != nil {
				t.Fatalf("MountWithContext = %v, want no error", err)
			}
			// A write to a path of version 2 looks as if it worked.
			path, data := mount+"/data/goblin-assistant/providers/p", map[string]any{"data": clienttest.OldSecret}
			if _, err := root.Logical().WriteWithContext(t.Context(), path, data); err != nil {
				t.Fatalf("WriteWithContext = %v, want no error", err)
			}
		}
	}
	return clients
}

func TestSealedServer_IsErrSealed(t *testing.T) {
	t.Parallel()
	server := vaulttest.Start(t)
	opts := []vaultkit.Option{vaultkit.WithAddress(server.Addr()), vaultkit.WithToken(vaultkit.FromString(server.RootToken()))}
	client := clienttest.New(t, opts...)
	if _, err := client.PutProviderKeys(t.Context(), "p", vaultkit.ProviderKeys{"api_key": "fake"}); err != nil {
		t.Fatalf("PutProviderKeys = %v, want no error", err)
	}
	root := vaulttest.RootOf(t, server)
	before := vaulttest.LookAt(t, root, "providers")
	if err := server.Seal(t.Context()); err != nil {
		t.Fatalf("Seal = %v, want no error", err)
	}
	var calls sync.WaitGroup // each waits three seconds for a seal to end
	for what, call := range map[string]func() error{
		"New":       func() error { return clienttest.ErrorOf(vaultkit.New(t.Context(), opts...)) },
		"GetAPIKey": func() error { return clienttest.ErrorOf(client.GetAPIKey(t.Context(), "p")) },
		"Rotate":    func() error { return clienttest.ErrorOf(client.Rotate(t.Context(), "p", vaultkit.NewKey("fake-new"))) },
		"Providers": func() error { return clienttest.ErrorOf(client.Providers(t.Context())) },
	} {
		calls.Go(func() {
			err := call()
			if !errors.Is(err, vaultkit.ErrSealed) || !errors.Is(err, vaultkit.ErrUnavailable) || !strings.Contains(err.Error(), "unseal") {
				t.Errorf("%s on a sealed server = %v, want ErrSealed that says to unseal", what, err)
			}
		})
	}
	calls.Wait()
	if err := server.Unseal(t.Context()); err != nil {
		t.Fatalf("Unseal = %v, want no error", err)
	}
	if got := clienttest.APIKey(t, client, "p"); got != "fake" {
		t.Errorf("GetAPIKey after unsealing = %s, want fake", got)
	}
	if after := vaulttest.LookAt(t, root, "providers"); len(before) != 1 || !reflect.DeepEqual(before, after) {
		t.Errorf("the store is %+v, want it unchanged: %+v", after, before)
	}
}

// Reads are retried until they succeed, or until Timeouts.Read has passed.
func TestReads_AreRetried(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	for name, fault := range map[string]faultproxy.Action{
		"refused": faultproxy.Refuse(), "500": faultproxy.Error(500, "", false), "429": faultproxy.Error(429, "{}", false),
		"412": faultproxy.Error(412, "{}", false), "cut": faultproxy.Truncate(),
	} {
		t.Run(name, func(t *testing.T) {
			client := clienttest.NewWithFaults(t, faultproxy.Rules(faultproxy.At(1, fault), faultproxy.At(2, fault)))
			if got := clienttest.APIKey(t, client, p); got != "fake-old" {
				t.Errorf("GetAPIKey = %s, want fake-old", got)
			}
			if _, err := client.Providers(t.Context()); err != nil {
				t.Errorf("Providers = %v, want no error", err)
			}
		})
	}
	unavailable := func(faultproxy.Request) faultproxy.Action { return faultproxy.Error(503, "{}", false) }
	client := clienttest.NewWithFaults(t, unavailable, vaultkit.WithTimeouts(vaultkit.Timeouts{Read: 50e6}))
	_, err := client.GetAPIKey(t.Context(), p)
	var response *api.ResponseError
	if !errors.Is(err, vaultkit.ErrUnavailable) || !errors.As(err, &response) || response.StatusCode != 503 {
		t.Errorf("GetAPIKey = %v, want ErrUnavailable with the response 503", err)
	}
}

func badNames() []string {
	return []string{"", "a/b", "..", ".", "a..b", "a%2fb", "a b", "a\nb", "a\x00", "ä", "-a", "_a", ".a", "a/", "/a",
		"../../sys/health", strings.Repeat("x", 129), "a?b", "a#b", "a\\b", "\xff"}
}

// A call with an invalid name sends no request.
func TestInvalidNames_AreRefusedBeforeAnyRequest(t *testing.T) {
	proxy := clienttest.NewProxy(t)
	client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()))
	proxy.Reset()
	before := vaulttest.Everything(t)
	for _, name := range badNames() {
		for verb, err := range map[string]error{
			"GetAPIKey":       clienttest.ErrorOf(client.GetAPIKey(t.Context(), name)),
			"GetField":        clienttest.ErrorOf(client.GetField(t.Context(), name, "f")),
			"GetProviderKeys": clienttest.ErrorOf(client.GetProviderKeys(t.Context(), name)),
			"PutProviderKeys": clienttest.ErrorOf(client.PutProviderKeys(t.Context(), name, vaultkit.ProviderKeys{"a": "b"})),
			"Rotate":          clienttest.ErrorOf(client.Rotate(t.Context(), name, vaultkit.NewKey("fake"))),
			"Rollback":        clienttest.ErrorOf(client.Rollback(t.Context(), name, "")),
			"Backups":         clienttest.ErrorOf(client.Backups(t.Context(), name)),
			"History":         clienttest.ErrorOf(client.History(t.Context(), name)),
			"Recover":         clienttest.ErrorOf(client.Recover(t.Context(), name)),
		} {
			if !errors.Is(err, vaultkit.ErrInvalid) || !strings.Contains(err.Error(), "provider name") {
				t.Errorf("%s(%.20q) = %v, want ErrInvalid that says provider name", verb, name, err)
			}
		}
	}
	if seen := proxy.Log(); len(seen) > 0 {
		t.Errorf("the calls sent %+v, want no request", seen)
	}
	if after := vaulttest.Everything(t); !maps.Equal(before, after) {
		t.Errorf("the store is %v, want it unchanged: %v", after, before)
	}
	for _, name := range []string{"a", "A.b_c-9", strings.Repeat("x", 128), "9"} {
		if _, err := client.GetAPIKey(t.Context(), name); !errors.Is(err, vaultkit.ErrNotFound) {
			t.Errorf("GetAPIKey(%.20q) = %v, want ErrNotFound", name, err)
		}
	}
}

// A call with an invalid value changes nothing.
func TestInvalidValues_AreRefused(t *testing.T) {
	client := clienttest.New(t)
	p, absent := vaulttest.PutProvider(t, clienttest.OldSecret), vaulttest.Name(t)
	huge := strings.Repeat("x", 2<<20)
	sources := map[string]vaultkit.Source{
		"no source": nil, "empty key": vaultkit.NewKey(""), "2 MiB": vaultkit.NewKey(huge), "bad UTF-8": vaultkit.NewKey("a\xffb"),
		"no fields": vaultkit.NewFields(nil), "object": vaultkit.NewFields(map[string]any{"api_key": map[string]any{}}),
		"list": vaultkit.NewFields(map[string]any{"api_key": []any{}}), "null": vaultkit.NewFields(map[string]any{"api_key": nil}),
		"no field name": vaultkit.NewFields(map[string]any{"": "x"}), "field name": vaultkit.NewFields(map[string]any{"a\nb": "x"}),
		"too precise": vaultkit.NewFields(map[string]any{"keep": json.Number("9007199254740993")}),
		"a struct":    vaultkit.NewFields(map[string]any{"keep": struct{}{}}),
	}
	for name, source := range sources {
		vaulttest.AssertUnchanged(t, p, func() {
			if r, err := client.Rotate(t.Context(), p, source); !errors.Is(err, vaultkit.ErrInvalid) || r != nil || len(err.Error()) > 1000 {
				t.Errorf("%s: Rotate = %+v, %.300v, want ErrInvalid of at most 1000 bytes", name, r, err)
			}
		})
	}
	for name, opt := range map[string]interface {
		vaultkit.RotateOption
		vaultkit.RollbackOption
	}{
		"nil": nil, "nil function": vaultkit.ChangeOption(nil),
		"year 10000": vaultkit.WithExpiresAt(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)),
		"year -1":    vaultkit.WithExpiresAt(time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)),
		"actor":      vaultkit.WithActor("a\nb"), "reason": vaultkit.WithReason(strings.Repeat("x", 513)), "UTF-8": vaultkit.WithReason("\xff"),
	} {
		vaulttest.AssertUnchanged(t, p, func() {
			if _, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-new"), opt); !errors.Is(err, vaultkit.ErrInvalid) {
				t.Errorf("%s: Rotate = %v, want ErrInvalid", name, err)
			}
			if _, err := client.Rollback(t.Context(), p, "", opt); !errors.Is(err, vaultkit.ErrInvalid) {
				t.Errorf("%s: Rollback = %v, want ErrInvalid", name, err)
			}
		})
	}
	for name, keys := range map[string]vaultkit.ProviderKeys{
		"none": nil, "empty value": {"api_key": ""}, "2 MiB": {"api_key": huge}, "bad UTF-8": {"api_key": "\xff"}, "name": {"": "x"},
	} {
		vaulttest.AssertUnchanged(t, absent, func() {
			if _, err := client.PutProviderKeys(t.Context(), absent, keys); !errors.Is(err, vaultkit.ErrInvalid) {
				t.Errorf("%s: PutProviderKeys = %.300v, want ErrInvalid", name, err)
			}
		})
	}
}

func TestPutProviderKeys(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.Name(t)
	keys := vaultkit.ProviderKeys{"api_key": "fake-1", "api_secret": "fake-2"}
	if version, err := client.PutProviderKeys(t.Context(), p, keys); err != nil || version != 1 {
		t.Fatalf("PutProviderKeys = %d, %v, want version 1", version, err)
	}
	if got, err := client.GetProviderKeys(t.Context(), p); err != nil || !maps.Equal(got, keys) {
		t.Errorf("GetProviderKeys = %v, %v, want %v", got.Reveal(), err, keys.Reveal())
	}
	vaulttest.AssertUnchanged(t, p, func() {
		_, err := client.PutProviderKeys(t.Context(), p, vaultkit.ProviderKeys{"api_key": "fake-other"}, vaultkit.ReplaceDeleted())
		if !errors.Is(err, vaultkit.ErrConflict) || !strings.Contains(err.Error(), "rotate") {
			t.Errorf("the second PutProviderKeys = %v, want ErrConflict that says to rotate", err)
		}
	})
	if err := vaulttest.Root(t).KVv2(vaulttest.Mount).Delete(t.Context(), vaulttest.Base+"/providers/"+p); err != nil {
		t.Fatalf("Delete = %v, want no error", err)
	}
	vaulttest.AssertUnchanged(t, p, func() {
		if _, err := client.PutProviderKeys(t.Context(), p, keys); !errors.Is(err, vaultkit.ErrDeleted) {
			t.Errorf("PutProviderKeys over a deleted version = %v, want ErrDeleted", err)
		}
	})
	if version, err := client.PutProviderKeys(t.Context(), p, keys, vaultkit.ReplaceDeleted()); err != nil || version != 2 {
		t.Errorf("PutProviderKeys(ReplaceDeleted) = %d, %v, want version 2", version, err)
	}
}

func TestProviderKeysShowNamesOnly(t *testing.T) {
	keys := vaultkit.ProviderKeys{"api_secret": "canary-2", "api_key": "canary-1"}
	encoded, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatalf("json.Marshal = %v, want no error", err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "keys", keys)
	out := []string{string(encoded), log.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		out = append(out, fmt.Sprintf(verb, keys), fmt.Sprintf(verb, &keys), fmt.Sprintf(verb, struct{ K vaultkit.ProviderKeys }{keys}))
	}
	for _, text := range out {
		if strings.Contains(text, "canary") || strings.Contains(text, fmt.Sprintf("%x", "canary")) {
			t.Errorf("ProviderKeys printed = %s, want no value", text)
		}
	}
	if keys.String() != "ProviderKeys[api_key api_secret]" || string(encoded) != `{"keys":["api_key","api_secret"]}` {
		t.Errorf("String, JSON = %s, %s, want the names", keys, encoded)
	}
	plain := keys.Reveal()
	plain["api_key"] = "changed"
	if keys["api_key"] != "canary-1" {
		t.Errorf("after a change of Reveal's map, api_key = %q, want canary-1", keys["api_key"])
	}
}
