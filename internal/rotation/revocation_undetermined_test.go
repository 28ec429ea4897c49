package rotation_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulttest"
)

// What must not follow from a lost response, an old response, or a missing capability.

var denial = faultproxy.Error(403, `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}`, false)

// newLateCommit leaves a rotation to fake-new whose commit arrives when release is called.
func newLateCommit(t *testing.T, p string) (id string, release func()) {
	t.Helper()
	proxy, late := clienttest.NewProxy(t), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()))
	proxy.SetRule(clienttest.OnCommit(p, faultproxy.Late(late).Before(cancel)))
	_, err := client.Rotate(ctx, p, vaultkit.NewKey("fake-new"))
	failed, ok := errors.AsType[*vaultkit.Error](err)
	if !ok || !errors.Is(err, vaultkit.ErrUndetermined) {
		t.Fatalf("Rotate = %v, want ErrUndetermined", err)
	}
	return failed.ID, func() {
		close(late)
		proxy.Wait()
	}
}

// A rerun fails at the backup that it found, or before it reads one.
func TestRerunThatCannotReadItsBackupIsUndetermined(t *testing.T) {
	failing := func(context.Context, vaultkit.Target, vaultkit.ProviderKeys) error {
		return errors.New("the API is down")
	}
	for name, tc := range map[string]struct {
		rule    func(stop func()) faultproxy.Rule
		options []vaultkit.RotateOption
		before  func(p, id string)
	}{
		"cancelled": {rule: func(stop func()) faultproxy.Rule {
			return faultproxy.OnMatch("GET", "/data/"+vaulttest.Base+"/backups/", faultproxy.Before(stop))
		}},
		"denied": {rule: func(func()) faultproxy.Rule {
			return faultproxy.OnMatch("GET", "/data/"+vaulttest.Base+"/backups/", denial)
		}},
		"not verified":   {options: []vaultkit.RotateOption{vaultkit.WithVerify(failing)}},
		"backup deleted": {before: func(p, id string) { deleteBackup(t, p, id); announce(t, p, "fake-new") }},
	} {
		t.Run(name, func(t *testing.T) {
			p := vaulttest.PutProvider(t, clienttest.OldSecret)
			id, release := newLateCommit(t, p)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var rule faultproxy.Rule
			if tc.rule != nil {
				rule = tc.rule(stop)
			}
			if tc.before != nil {
				tc.before(p, id)
			}
			if _, err := clienttest.NewWithFaults(t, rule).Rotate(ctx, p, vaultkit.NewKey("fake-new"), tc.options...); !errors.Is(err, vaultkit.ErrUndetermined) {
				t.Errorf("Rotate = %v, want ErrUndetermined", err)
			}
			release()
		})
	}
}

func deleteBackup(t *testing.T, p, id string) {
	t.Helper()
	if err := vaulttest.Root(t).KVv2(vaulttest.Mount).Delete(t.Context(), vaulttest.Base+"/backups/"+p+"/"+id); err != nil {
		t.Fatal(err)
	}
}

// An old response to Abort's read must not put an older secret in force.
func TestAbort_FencesOnlyTheSourceVersion(t *testing.T) {
	p, _ := clienttest.PutRotatedProvider(t, 1)
	id := clienttest.CrashBeforeCommit(t, p, "fake-next")
	client := clienttest.NewWithFaults(t, func(r faultproxy.Request) faultproxy.Action {
		if r.Method == "GET" && strings.HasSuffix(r.Path, "/data/"+vaulttest.Base+"/providers/"+p) && r.Query == "" {
			return faultproxy.Rewrite(func(_ int, body []byte) []byte {
				body = bytes.ReplaceAll(body, []byte("fake-0"), []byte("fake-old"))
				return bytes.ReplaceAll(body, []byte(`"version":2`), []byte(`"version":1`))
			})
		}
		return faultproxy.Pass
	}, vaultkit.WithTimeouts(vaultkit.Timeouts{Write: 100 * time.Millisecond}))
	_, _ = client.Abort(t.Context(), p, id)
	if key := clienttest.APIKey(t, clienttest.New(t), p); key != "fake-0" {
		t.Errorf("after Abort %q is in force, want fake-0", key)
	}
}

// Old metadata does not prove that a provider was created anew.
func TestAbort_OldMetadataIsNoNewProvider(t *testing.T) {
	client := clienttest.New(t)
	p, _ := clienttest.PutRotatedProvider(t, 2)
	path := "/v1/" + vaulttest.Mount + "/metadata/" + vaulttest.Base + "/providers/" + p
	old, err := vaulttest.Root(t).Logical().ReadRawWithContext(t.Context(), strings.TrimPrefix(path, "/v1/"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(old.Body)
	old.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	clienttest.Rotate(t, client, p, "fake-later")
	newest := clienttest.Rotate(t, client, p, "fake-newest")
	undecided := clienttest.CrashBeforeCommit(t, p, "fake-never")
	lagging := clienttest.New(t, vaultkit.WithTransport(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			answer, err := next.RoundTrip(r)
			if err == nil && r.URL.Path == path && r.Method == http.MethodGet {
				answer.Body.Close()
				answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			}
			return answer, err
		})
	}), vaultkit.WithTimeouts(vaultkit.Timeouts{Write: time.Second}))
	if r, err := lagging.Abort(t.Context(), p, undecided); err == nil {
		t.Errorf("Abort = %+v, want an error while the metadata is old", r)
	}
	if _, err := lagging.PruneBackups(t.Context(), p, vaultkit.PruneLimits{KeepNewest: 1}); err != nil {
		t.Fatal(err)
	}
	if backup := vaulttest.Snapshot(t, p)["backups/"+p+"/"+newest.ID]; !vaulttest.SameJSON(t, backup.Versions[1]["api_key"], "fake-later") {
		t.Errorf("backup %s = %+v, want the secret that was replaced last (fake-later)", newest.ID, backup)
	}
}

// After an entry whose response was lost, RevokeOld writes one that Vault acknowledges, so that
// a standby shows both.
func TestRevokeOld_ChecksAfterAnAcknowledgedEntry(t *testing.T) {
	p, ids := clienttest.PutRotatedProvider(t, 1)
	var mu sync.Mutex
	lost, looks := false, 0
	client := clienttest.New(t, vaultkit.WithTransport(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			entry := strings.Contains(r.URL.Path, "/revocations/")
			if lost && r.Method == http.MethodGet && !entry {
				looks++
				if r.Header.Get("X-Vault-Index") != fakeIndex {
					t.Errorf("GET %s?%s after the entries has X-Vault-Index %q, want %q",
						r.URL.Path, r.URL.RawQuery, r.Header.Get("X-Vault-Index"), fakeIndex)
				}
			}
			answer, err := next.RoundTrip(r)
			if err != nil || r.Method != http.MethodPut || !entry {
				return answer, err
			}
			if !lost {
				lost = true
				answer.Body.Close()
				return nil, errors.New("connection reset")
			}
			if answer.StatusCode == http.StatusOK {
				answer.Header.Set("X-Vault-Index", fakeIndex)
			}
			return answer, nil
		})
	}))
	if _, err := client.RevokeOld(t.Context(), p, ids[0], &clienttest.Revoker{}, vaultkit.IgnoreOtherProviders()); err != nil || looks < 3 {
		t.Errorf("RevokeOld = %v after %d looks, want at least 3", err, looks)
	}
}

// Without an acknowledged entry, the revoker is not called.
func TestRevokeOld_WithoutAnEntryCallsNoRevoker(t *testing.T) {
	p, id := change(t, object{"pin": "1234"}, object{"pin": "9999"})
	client, api := clienttest.NewWithFaults(t, faultproxy.OnEvery("PUT", "/revocations/", denial)), &clienttest.Revoker{}
	_, err := client.RevokeOld(t.Context(), p, id, api, vaultkit.IgnoreOtherProviders())
	if !errors.Is(err, vaultkit.ErrPermissionDenied) || len(api.Revoked) > 0 {
		t.Errorf("RevokeOld = %v, asked %d times, want ErrPermissionDenied and 0", err, len(api.Revoked))
	}
	// Its name holds the fingerprint of a key that can be guessed.
	if name := protocol.AttemptName(p, "pin", "1234", ""); strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "withdrawn") {
		t.Errorf("RevokeOld = %v, want neither the entry's name nor a word of withdrawing it", err)
	}
}

// revokeFunc is a revoker that calls the function.
type revokeFunc func(ctx context.Context) error

func (f revokeFunc) Revoke(ctx context.Context, _ vaultkit.Target, _ vaultkit.ProviderKeys) error {
	return f(ctx)
}

// A revocation that did not call the provider's API is withdrawn: its keys can be rotated to.
func TestRevokeOld_WithdrawsWithoutACall(t *testing.T) {
	for name, tc := range map[string]struct {
		rule  func(cancel func()) faultproxy.Rule
		fails error
		want  error
	}{
		"the context ends at the look after it": {func(cancel func()) faultproxy.Rule {
			entered := false
			return faultproxy.When(func(r faultproxy.Request) bool {
				entered = entered || strings.Contains(r.Path, "/revocations/")
				return entered && r.Method == "GET"
			}, faultproxy.Before(cancel))
		}, nil, context.Canceled},
		"the revoker says so": {func(func()) faultproxy.Rule { return nil }, vaultkit.ErrNotAsked, vaultkit.ErrNotAsked},
	} {
		t.Run(name, func(t *testing.T) {
			p, ids := clienttest.PutRotatedProvider(t, 1)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := clienttest.NewWithFaults(t, tc.rule(cancel)).RevokeOld(ctx, p, ids[0], revokeFunc(func(context.Context) error { return tc.fails }), vaultkit.IgnoreOtherProviders())
			if !errors.Is(err, tc.want) {
				t.Fatalf("RevokeOld = %v, want %v", err, tc.want)
			}
			clienttest.Rotate(t, clienttest.New(t), p, "fake-old")
		})
	}
}

// closer is a body that calls end after it was read.
type closer struct {
	io.ReadCloser
	end func()
}

func (b *closer) Close() error {
	err := b.ReadCloser.Close()
	b.end()
	return err
}

// If the context ends with the last check, the revoker is not called.
func TestRevokeOld_AfterItsContextEndedCallsNoRevoker(t *testing.T) {
	p, ids := clienttest.PutRotatedProvider(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	looks, api := 0, &clienttest.Revoker{}
	client := clienttest.New(t, vaultkit.WithTransport(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			answer, err := next.RoundTrip(r)
			if err == nil && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/metadata/"+vaulttest.Base+"/providers/"+p) {
				if looks++; looks == 2 { // the first one is before the entries
					answer.Body = &closer{answer.Body, cancel}
				}
			}
			return answer, err
		})
	}))
	if _, err := client.RevokeOld(ctx, p, ids[0], api, vaultkit.IgnoreOtherProviders()); !errors.Is(err, context.Canceled) || len(api.Revoked) > 0 {
		t.Errorf("RevokeOld = %v, asked %d times, want Canceled and 0", err, len(api.Revoked))
	}
	clienttest.Rotate(t, clienttest.New(t), p, "fake-old")
}

// If one withdrawal fails, the others are still written, and the error says so.
func TestRevokeOld_WithdrawsEachEntry(t *testing.T) {
	p, id := change(t, object{"a": "fake-first-a", "b": "fake-first-b", "c": "fake-first-c"}, object{"a": "fake-2a", "b": "fake-2b", "c": "fake-2c"})
	denied := false
	client := clienttest.NewWithFaults(t, faultproxy.When(func(r faultproxy.Request) bool {
		first := !denied && r.Method == "PUT" && strings.HasSuffix(r.Path, ".withdrawn")
		denied = denied || first
		return first
	}, denial))
	_, err := client.RevokeOld(t.Context(), p, id, revokeFunc(func(context.Context) error { return vaultkit.ErrNotAsked }), vaultkit.IgnoreOtherProviders())
	if !errors.Is(err, vaultkit.ErrNotAsked) || !strings.Contains(err.Error(), "could not be withdrawn") {
		t.Errorf("RevokeOld = %v, want that the attempt could not be withdrawn", err)
	}
	withdrawn := 0
	for path := range vaulttest.Snapshot(t, p) {
		if strings.HasSuffix(path, ".withdrawn") {
			withdrawn++
		}
	}
	if withdrawn != 2 {
		t.Errorf("%d of 3 entries are withdrawn, want 2", withdrawn)
	}
}

// A backup of a deleted provider is not an undecided rotation of the new one.
func TestRevokeOldIgnoresTheRotationsOfADeletedProvider(t *testing.T) {
	client := clienttest.New(t)
	p, _ := clienttest.PutRotatedProvider(t, 1)
	clienttest.CrashBeforeCommit(t, p, "fake-next") // of version 2
	if err := vaulttest.Root(t).KVv2(vaulttest.Mount).DeleteMetadata(t.Context(), vaulttest.Base+"/providers/"+p); err != nil {
		t.Fatal(err)
	}
	vaulttest.Put(t, "providers/"+p, object{"api_key": "fake-anew"})
	r := clienttest.Rotate(t, client, p, "fake-replacement")
	if _, err := client.RevokeOld(t.Context(), p, r.ID, &clienttest.Revoker{}, vaultkit.IgnoreOtherProviders()); err != nil {
		t.Errorf("RevokeOld = %v, want success", err)
	}
}

// If one version is kept, records of a deleted provider do not prevent a rollback.
func TestRollbackAfterTheProviderWasCreatedAnew(t *testing.T) {
	client := clienttest.New(t)
	p, _ := clienttest.PutRotatedProvider(t, 1)
	if err := vaulttest.Root(t).KVv2(vaulttest.Mount).DeleteMetadata(t.Context(), vaulttest.Base+"/providers/"+p); err != nil {
		t.Fatal(err)
	}
	vaulttest.Put(t, "providers/"+p, object{"api_key": "fake-anew"})
	keepVersions(t, p, 1)
	r := clienttest.Rotate(t, client, p, "fake-anew-1")
	if got, err := client.Rollback(t.Context(), p, ""); err != nil || got.Source != "rollback:"+r.ID {
		t.Errorf("Rollback = %+v, %v, want one to %s", got, err, r.ID)
	}
}

// The commit waits for the attribution: without it, the record could not name the actor.
func TestRotate_CommitsOnlyWithAnAttribution(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	_, err := clienttest.NewWithFaults(t, faultproxy.OnMatch("PUT", "/metadata/"+vaulttest.Base+"/backups/", denial)).Rotate(t.Context(), p, vaultkit.NewKey("fake-new"))
	if key := clienttest.APIKey(t, clienttest.New(t), p); !errors.Is(err, vaultkit.ErrPermissionDenied) || key != "fake-old" {
		t.Errorf("Rotate without a claim = %v, in force is %s, want ErrPermissionDenied and fake-old", err, key)
	}
}

// An error escapes the text of an entry of a foreign writer.
func TestRotate_EscapesTheTextOfAnEntry(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	vaulttest.Put(t, attemptFor(p, "fake-new"), object{"schema": 1, "kind": "revoke-old", "rotation": "x\x1b]0;evil\a\n::error::pwn",
		"provider": p, "field": "api_key", "actor": "\x1b]0;evil\a", "begun_at": time.Now().UTC().Format(time.RFC3339Nano)})
	_, err := clienttest.New(t).Rotate(t.Context(), p, vaultkit.NewKey("fake-new"))
	if !errors.Is(err, vaultkit.ErrConflict) || strings.ContainsAny(err.Error(), "\x1b\a\n") {
		t.Errorf("Rotate = %q, want ErrConflict without control characters", err)
	}
}

// A rerun that is refused before its backup does not know whether the earlier run's commit
// will be applied.
func TestRerun_RefusedEarlyIsUndetermined(t *testing.T) {
	for name, rule := range map[string]faultproxy.Rule{
		"the attempts cannot be listed": faultproxy.OnEvery("GET", "/metadata/"+vaulttest.Base+"/revocations/", denial),
		"a capability is missing": faultproxy.OnEvery("PUT", "sys/capabilities-self",
			faultproxy.Error(200, `{"data":{"capabilities":["deny"]}}`, false)),
	} {
		t.Run(name, func(t *testing.T) {
			p := vaulttest.PutProvider(t, clienttest.OldSecret)
			clienttest.CrashBeforeCommit(t, p, "fake-new")
			_, err := clienttest.NewWithFaults(t, rule).Rotate(t.Context(), p, vaultkit.NewKey("fake-new"))
			if !errors.Is(err, vaultkit.ErrUndetermined) {
				t.Errorf("Rotate = %v, want ErrUndetermined", err)
			}
			_, err = clienttest.NewWithFaults(t, rule).Rotate(t.Context(), p, vaultkit.NewKey("fake-other"))
			if !errors.Is(err, vaultkit.ErrPermissionDenied) || errors.Is(err, vaultkit.ErrUndetermined) {
				t.Errorf("Rotate to a key that nobody tried before = %v, want ErrPermissionDenied", err)
			}
		})
	}
}
