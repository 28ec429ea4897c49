package rotation_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// An error is definite exactly if Vault's responses prove that nothing was applied.

// If the response to the write of the first secret is lost, only version 1 decides the outcome.
func TestPut_LostResponseIsUndetermined(t *testing.T) {
	for name, disturb := range map[string]func(t *testing.T, p string, client *vaultkit.Client){
		"rotated since": func(t *testing.T, p string, _ *vaultkit.Client) {
			clienttest.Rotate(t, clienttest.New(t), p, "fake-rival")
		},
		"deleted since": func(t *testing.T, p string, _ *vaultkit.Client) {
			if err := vaulttest.Root(t).KVv2(vaulttest.Mount).Delete(t.Context(), vaulttest.Base+"/providers/"+p); err != nil {
				t.Fatal(err)
			}
		},
		"token revoked since": func(t *testing.T, _ string, client *vaultkit.Client) { revoke(t, client) },
	} {
		t.Run(name, func(t *testing.T) {
			proxy, p := clienttest.NewProxy(t), vaulttest.Name(t)
			policies := vaulttest.Policy(t, "../../", "provisioner") + vaulttest.Policy(t, "../../", "rotator")
			client := clienttest.NewWithPolicy(t, policies, vaultkit.WithAddress(proxy.URL()))
			proxy.Reset()
			proxy.SetRule(faultproxy.Rules(faultproxy.At(1, faultproxy.Lose()), faultproxy.At(2, faultproxy.Before(func() { disturb(t, p, client) }))))
			version, err := client.PutProviderKeys(t.Context(), p, vaultkit.ProviderKeys{"api_key": "fake-mine"})
			if err == nil && version == 1 {
				return
			}
			if !errors.Is(err, vaultkit.ErrUndetermined) || errors.Is(err, vaultkit.ErrDeleted) {
				t.Errorf("PutProviderKeys after an applied write = %d, %v, want only ErrUndetermined", version, err)
			}
		})
	}
}

func TestPut_CloseAfterALostResponseIsUndetermined(t *testing.T) {
	proxy, p := clienttest.NewProxy(t), vaulttest.Name(t)
	var client *vaultkit.Client
	client = clienttest.New(t, vaultkit.WithAddress(proxy.URL()), clienttest.WithBackoff(backoff.Backoff{
		Sleep: func(context.Context, time.Duration) error { return client.Close() },
	}))
	proxy.Reset()
	proxy.SetRule(faultproxy.At(1, faultproxy.Lose()))
	if _, err := client.PutProviderKeys(t.Context(), p, vaultkit.ProviderKeys{"api_key": "fake"}); !errors.Is(err, vaultkit.ErrUndetermined) || errors.Is(err, vaultkit.ErrClosed) {
		t.Errorf("PutProviderKeys after an applied write = %v, want only ErrUndetermined", err)
	}
}

func revoke(t *testing.T, client *vaultkit.Client) {
	t.Helper()
	if err := vaulttest.Root(t).Auth().Token().RevokeTreeWithContext(t.Context(), client.Vault().Token()); err != nil {
		t.Fatal(err)
	}
}

// An invalid token that nothing can replace is reported at once.
func TestRotate_ReportsAnInvalidTokenAtOnce(t *testing.T) {
	policy := vaulttest.Policy(t, "../../", "rotator")
	proxy, p := clienttest.NewProxy(t), vaulttest.PutProvider(t, clienttest.OldSecret)
	client := clienttest.NewWithPolicy(t, policy, vaultkit.WithAddress(proxy.URL()), clienttest.WithBackoff(backoff.Backoff{
		Sleep: func(context.Context, time.Duration) error { return errors.New("the client waits") },
	}))
	proxy.SetRule(clienttest.BeforeCommit(p, func() { revoke(t, client) }))
	_, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-new"))
	if !errors.Is(err, vaultkit.ErrUnauthenticated) || errors.Is(err, vaultkit.ErrUndetermined) || strings.Contains(err.Error(), "waits") {
		t.Errorf("Rotate = %v, want ErrUnauthenticated", err)
	}
	if _, err := client.GetAPIKey(t.Context(), p); !errors.Is(err, vaultkit.ErrUnauthenticated) || strings.Contains(err.Error(), "waits") {
		t.Errorf("GetAPIKey = %v, want ErrUnauthenticated", err)
	}
}

// A late copy of the commit has not arrived yet when its retry is denied. The denial does not show
// what happens to that copy.
func TestRotate_DeniedRetryIsUndetermined(t *testing.T) {
	w := newScenario(t)
	release := make(chan struct{})
	n := 0
	w.Proxy.SetRule(func(r faultproxy.Request) faultproxy.Action {
		if r.Method != "PUT" || !strings.Contains(r.Path, "/data/"+vaulttest.Base+"/providers/") {
			return faultproxy.Pass
		}
		if n++; n == 1 {
			return faultproxy.Late(release)
		}
		return faultproxy.Error(403, `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}`, false)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := w.Rotate(ctx, w.Client)
	close(release)
	w.Proxy.Wait()
	if !w.check() || !errors.Is(err, vaultkit.ErrUndetermined) || errors.Is(err, vaultkit.ErrPermissionDenied) {
		t.Errorf("Rotate after an applied commit = %v, want only ErrUndetermined", err)
	}
}

// A proxy responds after Vault has applied the commit. No status makes that Vault's response.
func TestRotate_IgnoresProxyErrors(t *testing.T) {
	for _, status := range []int{400, 402, 403, 404, 408, 409, 413, 421, 451, 499} {
		for _, body := range []string{"<html>blocked</html>", "{}", `{"errors":[]}`, `{"data":{"version":7}}`} {
			w := newScenario(t)
			w.Proxy.SetRule(faultproxy.OnMatch("PUT", "/data/"+vaulttest.Base+"/providers/", faultproxy.Error(status, body, true)))
			if r, err := w.Rotate(t.Context(), w.Client); err != nil || r.NewVersion != 2 || !w.check() {
				t.Errorf("Rotate with a proxy's %d %s = %+v, %v, want version 2", status, body, r, err)
			}
		}
	}
}

// A rerun finds its change committed and cannot write the record. Its error says so.
func TestRotate_ResumedWithoutARecordIsUndetermined(t *testing.T) {
	for name, fault := range map[string]faultproxy.Action{
		"denied": faultproxy.Error(403, `{"errors":["permission denied"]}`, false), "refused": faultproxy.Refuse(),
	} {
		t.Run(name, func(t *testing.T) {
			w := newScenario(t)
			w.killBeforeRecord()
			w.Reconnect(clienttest.WithRecordWait(100 * time.Millisecond))
			w.Proxy.SetRule(faultproxy.OnEvery("PUT", "/data/"+vaulttest.Base+"/rotations/", fault))
			r, err := w.Rotate(t.Context(), w.Client)
			if r == nil || r.Outcome != vaultkit.OutcomeCommitted || !errors.Is(err, vaultkit.ErrUndetermined) || errors.Is(err, vaultkit.ErrPermissionDenied) {
				t.Errorf("Rotate = %+v, %v, want the committed rotation and only ErrUndetermined", r, err)
			}
		})
	}
}

// A record that contradicts Vault's acknowledgement is not trusted.
func TestRotate_DistrustsAForgedRecord(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	record := clienttest.Rotate(t, client, p, "fake-new", vaultkit.WithDryRun()).Record
	record.Outcome, record.Evidence = vaultkit.OutcomeAborted, "inferred"
	text, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	var stored map[string]any
	if err := json.Unmarshal(text, &stored); err != nil {
		t.Fatal(err)
	}
	vaulttest.Put(t, "rotations/"+p+"/"+record.ID, stored)
	r, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-new"))
	if r == nil || r.Outcome != vaultkit.OutcomeCommitted || !errors.Is(err, vaultkit.ErrUndetermined) || errors.Is(err, vaultkit.ErrConflict) {
		t.Errorf("Rotate = %+v, %v, want the committed rotation and only ErrUndetermined", r, err)
	}
}

// One unreadable record does not make the operations on other rotations fail.
func TestHistory_ToleratesUnreadableRecords(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-1"})
	first := clienttest.Rotate(t, client, p, "fake-2")
	clienttest.Rotate(t, client, p, "fake-3")
	if err := vaulttest.Root(t).KVv2(vaulttest.Mount).Delete(t.Context(), vaulttest.Base+"/rotations/"+p+"/"+first.ID); err != nil {
		t.Fatal(err)
	}
	vaulttest.Put(t, "rotations/"+p+"/"+strings.Replace(first.ID, "-v1-", "-v9-", 1), map[string]any{"alien": true})
	history, err := client.History(t.Context(), p)
	if err != nil || len(history) != 3 {
		t.Fatalf("History = %+v, %v, want three records", history, err)
	}
	unknown := 0
	for _, record := range history {
		if record.Outcome == vaultkit.OutcomeUnknown && strings.Contains(record.Cause, "cannot be read") {
			unknown++
		}
	}
	if unknown != 2 {
		t.Errorf("History = %+v, want two unknown outcomes", history)
	}
	if backups, err := client.Backups(t.Context(), p); err != nil || len(backups) != 2 {
		t.Errorf("Backups = %+v, %v, want two", backups, err)
	}
	if _, err := client.Recover(t.Context(), p); err != nil {
		t.Errorf("Recover = %v, want success", err)
	}
	if _, err := client.Rollback(t.Context(), p, ""); err != nil || clienttest.APIKey(t, client, p) != "fake-2" {
		t.Errorf("Rollback = %v, want success and fake-2 in force", err)
	}
}

// Another client rotates between the choice of the rotation to roll back and its read.
func TestRollback_AfterAnotherRotationIsAConflict(t *testing.T) {
	other := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-1"})
	clienttest.Rotate(t, other, p, "fake-2-bad")
	victim := clienttest.NewWithFaults(t, faultproxy.OnMatch("GET", "/data/"+vaulttest.Base+"/providers/"+p, faultproxy.Before(func() {
		clienttest.Rotate(t, other, p, "fake-3-good")
	})))
	_, err := victim.Rollback(t.Context(), p, "")
	if !errors.Is(err, vaultkit.ErrConflict) || clienttest.APIKey(t, other, p) != "fake-3-good" {
		t.Errorf("Rollback = %v, the key in force is %s, want ErrConflict and fake-3-good", err, clienttest.APIKey(t, other, p))
	}
}

// The newest rotation is committed and has no record. It is the one to roll back.
func TestRollbackOfAnUnrecordedRotation(t *testing.T) {
	w := newScenario(t)
	clienttest.Rotate(t, w.Direct, w.Provider, "fake-earlier")
	w.killBeforeRecord()
	vaulttest.AssertUnchanged(t, w.Provider, func() {
		if _, err := w.Direct.Rollback(t.Context(), w.Provider, "", vaultkit.WithDryRun()); !errors.Is(err, vaultkit.ErrInvalid) {
			t.Errorf("Rollback with WithDryRun = %v, want ErrInvalid", err)
		}
	})
	if _, err := w.Direct.Rollback(t.Context(), w.Provider, ""); err != nil || clienttest.APIKey(t, w.Direct, w.Provider) != "fake-earlier" {
		t.Errorf("Rollback = %v, the key in force is %s, want fake-earlier", err, clienttest.APIKey(t, w.Direct, w.Provider))
	}
}

// Rollback restores every secret that Rotate could back up, of any size.
func TestRollbackOfALargeSecret(t *testing.T) {
	client := clienttest.New(t)
	large := strings.Repeat("x", 600<<10)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": large})
	clienttest.Rotate(t, client, p, "fake-small")
	if _, err := client.Rollback(t.Context(), p, ""); err != nil || clienttest.APIKey(t, client, p) != large {
		t.Errorf("Rollback = %v, want success and the large secret in force", err)
	}
}

// The provider is deleted and created anew between the rule's reads of its metadata and of
// version s+1.
func TestRecreatedInsideTheRule(t *testing.T) {
	w := newScenario(t)
	w.killBeforeRecord()
	client := clienttest.NewWithFaults(t, func(r faultproxy.Request) faultproxy.Action {
		if !strings.Contains(r.Query, "version=2") {
			return faultproxy.Pass
		}
		return faultproxy.Before(func() {
			if _, err := w.root().DeleteWithContext(t.Context(), w.metadataPath()); err != nil {
				t.Error(err)
			}
			vaulttest.Put(t, "providers/"+w.Provider, map[string]any{"api_key": "fake-x"})
			vaulttest.Put(t, "providers/"+w.Provider, map[string]any{"api_key": "fake-y"})
		})
	})
	found, err := client.Recover(t.Context(), w.Provider)
	if err != nil || len(found) != 1 || found[0].Outcome != vaultkit.OutcomeRecreated {
		t.Errorf("Recover = %+v, %v, want recreated", found, err)
	}
}

// redirecting answers the first two writes to a path with a redirect, as a standby does whose
// leader is gone.
type redirecting struct {
	http.RoundTripper
	path string
	seen atomic.Int64
}

func (h *redirecting) RoundTrip(r *http.Request) (*http.Response, error) {
	write := r.Method == http.MethodPut || r.Method == http.MethodPatch
	if !write || !strings.Contains(r.URL.Path, h.path) || h.seen.Add(1) > 2 {
		return h.RoundTripper.RoundTrip(r)
	}
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	return &http.Response{StatusCode: http.StatusTemporaryRedirect, Status: "307", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Request: r, Header: http.Header{"Location": {r.URL.String()}}, Body: http.NoBody}, nil
}

// The official client follows one redirect and takes the second for a success.
func TestRotate_FollowsTwoRedirects(t *testing.T) {
	for _, path := range []string{"capabilities-self", "/data/" + vaulttest.Base + "/backups", "/metadata/" + vaulttest.Base + "/backups",
		"/data/" + vaulttest.Base + "/providers", "/data/" + vaulttest.Base + "/rotations", "/metadata/" + vaulttest.Base + "/providers"} {
		t.Run(path, func(t *testing.T) {
			h := &redirecting{path: path}
			client := clienttest.New(t, vaultkit.WithTransport(func(next http.RoundTripper) http.RoundTripper {
				h.RoundTripper = next
				return h
			}))
			p := vaulttest.PutProvider(t, clienttest.OldSecret)
			r, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-new"), vaultkit.WithActor("me"), vaultkit.WithExpiresAt(time.Now().Add(time.Hour)))
			if err != nil || len(r.Warnings) > 0 || h.seen.Load() < 3 {
				t.Fatalf("Rotate = %+v, %v after %d writes, want success without a warning after 3", r, err, h.seen.Load())
			}
			snapshot := vaulttest.Snapshot(t, p)
			if snapshot["backups/"+p+"/"+r.ID].Custom["actor"] != "me" || snapshot["providers/"+p].Custom["vaultkit_expires_v2"] == nil {
				t.Errorf("Vault has %+v, want the attribution and the expiry tag", snapshot)
			}
		})
	}
}

// A dry run, or a rotation whose token cannot write, makes the source issue no key.
func TestRotate_IssuesNoKeyThatItCannotUse(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	source := &clienttest.FieldSource{Fields: map[string]any{"api_key": "fake-issued"}}
	if _, err := clienttest.NewWithPolicy(t, vaulttest.Policy(t, "../../", "reader")).Rotate(t.Context(), p, source); !errors.Is(err, vaultkit.ErrPermissionDenied) || source.Target.Provider != "" {
		t.Errorf("Rotate as a reader = %v, want ErrPermissionDenied before the source is called", err)
	}
	if _, err := client.Rotate(t.Context(), p, source, vaultkit.WithDryRun()); err != nil || !source.Target.DryRun {
		t.Errorf("Rotate with WithDryRun: target %+v, %v, want one with DryRun set", source.Target, err)
	}
}
