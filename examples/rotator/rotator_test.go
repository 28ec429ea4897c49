package main

import (
	"bytes"
	"context"
	"errors"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/examples/provider"
	"goblin/vaultkit/vaultkittest"
	"goblin/vaultkit/verify"
)

// setup starts a provider's API with one key, and a Vault that holds it.
func setup(t *testing.T, delay time.Duration) (api *provider.API, vault *vaultkittest.Server, r *rotator) {
	t.Helper()
	api = provider.New("fake-admin-key", delay)
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	id, key := api.Issue("first")
	vault = vaultkittest.NewServer(t, vaultkittest.WithProviderKeys("example", vaultkit.ProviderKeys{fieldKey: key, fieldID: id}))
	r = &rotator{client: vault.Client(t), issuer: newIssuer(server.URL, "fake-admin-key"), works: verifierAt(t, server.URL, 20*time.Second), provider: "example"}
	return api, vault, r
}

// verifierAt returns the verifier for an address.
func verifierAt(t *testing.T, url string, wait time.Duration) verify.Verifier {
	t.Helper()
	works, err := verifier(url, wait)
	if err != nil {
		t.Fatalf("verifier(%s) = %v, want no error", url, err)
	}
	return works
}

// logged returns the lines that f logs.
func logged(t *testing.T, f func()) string {
	t.Helper()
	var lines bytes.Buffer
	log.SetOutput(&lines)
	defer log.SetOutput(os.Stderr)
	f()
	return lines.String()
}

// eventually polls until ok returns true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after 30 s, want: %s", what)
		}
	}
}

// works fails the test unless the provider's API has exactly one working key, the one in Vault.
func works(t *testing.T, api *provider.API, vault *vaultkittest.Server, r *rotator) {
	t.Helper()
	if err := r.works(t.Context(), vaultkit.Target{}, vault.Provider("example")); err != nil {
		t.Errorf("works(the key in Vault) = %v, want no error", err)
	}
	if names := api.Working(); len(names) != 1 {
		t.Errorf("working keys = %q, want one", names)
	}
}

func TestRun_ReplacesAndRevokes(t *testing.T) {
	api, vault, r := setup(t, 100*time.Millisecond)
	for range 3 {
		before := vault.Provider("example")
		if err := r.run(t.Context()); err != nil {
			t.Fatalf("run() = %v, want no error", err)
		}
		if after := vault.Provider("example"); after[fieldKey] == before[fieldKey] || after[fieldID] == before[fieldID] {
			t.Errorf("the key or its id in Vault did not change, want both new")
		}
		works(t, api, vault, r)
	}
	records, err := r.client.History(t.Context(), "example")
	if err != nil || len(records) != 3 || records[0].Revocation == nil || records[0].Source != "example-issuer" {
		t.Errorf("History() = %d records, %v, want 3, with revocations", len(records), err)
	}
}

// A key that does not work is not put in force, and does not stay at the provider.
func TestRun_KeepsTheOldKeyIfTheNewOneDoesNotWork(t *testing.T) {
	api, vault, r := setup(t, 0)
	before := vault.Provider("example")
	broken := provider.New("fake-admin-key", time.Hour) // a new key never starts to work
	server := httptest.NewServer(broken)
	defer server.Close()
	r.issuer.url, r.works = server.URL, verifierAt(t, server.URL, 300*time.Millisecond)
	if err := r.run(t.Context()); err == nil || strings.Contains(err.Error(), "sk-standin") {
		t.Errorf("run(), the new key does not work = %v, want an error without the key", err)
	}
	if after := vault.Provider("example"); after[fieldKey] != before[fieldKey] {
		t.Error("the key in Vault changed, want the old one")
	}
	if names := append(api.Working(), broken.Working()...); !slices.Equal(names, []string{"first"}) {
		t.Errorf("working keys = %q, want first", names)
	}
}

// A run that ends while it waits leaves the old key valid; the next run revokes it.
func TestRun_FinishesWhatAnEarlierRunLeft(t *testing.T) {
	api, vault, r := setup(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	r.wait = time.Hour
	done := make(chan error, 1)
	go func() { done <- r.run(ctx) }()
	first := vault.Provider("example")[fieldKey]
	eventually(t, "another key in Vault", func() bool { return vault.Provider("example")[fieldKey] != first })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("run(), cancelled = %v, want context.Canceled", err)
	}
	if names := api.Working(); len(names) != 2 {
		t.Errorf("working keys after the cancelled run = %q, want two", names)
	}
	r.wait = 0
	if err := r.run(t.Context()); err != nil {
		t.Errorf("run() = %v, want no error", err)
	}
	works(t, api, vault, r)
}

// A key that somebody has revoked by hand is revoked: the record says so.
func TestRun_AcceptsAKeyThatIsRevokedAlready(t *testing.T) {
	api, vault, r := setup(t, 0)
	if err := r.issuer.Revoke(t.Context(), vaultkit.Target{}, vault.Provider("example")); err != nil {
		t.Fatalf("Revoke(the key in Vault) = %v, want no error", err)
	}
	if err := r.run(t.Context()); err != nil {
		t.Errorf("run() = %v, want no error", err)
	}
	records, err := r.client.History(t.Context(), "example")
	if err != nil || len(records) != 1 || records[0].Revocation == nil || !records[0].Revocation.AlreadyGone {
		t.Errorf("History() = %d records, %v, want one whose key was revoked before", len(records), err)
	}
	works(t, api, vault, r)
}

// While it is not known whether the new key is in force, no key is revoked. The next run finds out, and
// finishes without another key.
func TestRun_RevokesNothingWhileTheOutcomeIsUndetermined(t *testing.T) {
	api, vault, r := setup(t, 0)
	vault.DisconnectAfter(vaultkittest.Commit)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := r.run(ctx); !errors.Is(err, vaultkit.ErrUndetermined) {
		t.Errorf("run(), no response to the commit = %v, want ErrUndetermined", err)
	}
	if names := api.Working(); len(names) != 2 {
		t.Errorf("working keys = %q, want the old and the new one", names)
	}
	vault.Reconnect()
	if err := r.run(t.Context()); err != nil {
		t.Errorf("run() = %v, want no error", err)
	}
	if records, err := r.client.History(t.Context(), "example"); err != nil || len(records) != 1 || records[0].Revocation == nil {
		t.Errorf("History() = %d records, %v, want one, with a revocation", len(records), err)
	}
	works(t, api, vault, r)
}

// A 404 that is not the API's answer about this key is an error: the key may be alive.
func TestRevoke_A404IsAnErrorUnlessThisKeyDoesNotExist(t *testing.T) {
	api, vault, r := setup(t, 0)
	keys := vault.Provider("example")
	right := r.issuer.url
	r.issuer.url += "/wrong"
	if err := r.issuer.Revoke(t.Context(), vaultkit.Target{}, keys); err == nil || errors.Is(err, vaultkit.ErrAlreadyRevoked) || !strings.Contains(err.Error(), "404") {
		t.Errorf("Revoke(), a wrong path = %v, want an error about the 404 that is not ErrAlreadyRevoked", err)
	}
	if names := api.Working(); len(names) != 1 {
		t.Errorf("working keys = %q, want one", names)
	}
	r.issuer.url = right
	if err := r.issuer.Revoke(t.Context(), vaultkit.Target{}, vaultkit.ProviderKeys{fieldID: "key_other"}); !errors.Is(err, vaultkit.ErrAlreadyRevoked) {
		t.Errorf("Revoke(an id that does not exist) = %v, want ErrAlreadyRevoked", err)
	}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"error": "no such key", "id": "key_other"}`))
	}))
	defer other.Close()
	r.issuer.url = other.URL
	if err := r.issuer.Revoke(t.Context(), vaultkit.Target{}, keys); err == nil || errors.Is(err, vaultkit.ErrAlreadyRevoked) {
		t.Errorf("Revoke(), 404 for another id = %v, want an error that is not ErrAlreadyRevoked", err)
	}
}

// Without the id of the old key nothing can be revoked. The run fails, so that cron reports the key that
// stays alive, and the next key has an id.
func TestRun_FailsForASecretWithoutAnID(t *testing.T) {
	api, vault, r := setup(t, 0)
	vault.PutProvider("example", vaultkit.ProviderKeys{fieldKey: vault.Provider("example")[fieldKey]})
	lines := logged(t, func() {
		for range 2 {
			err := r.run(t.Context())
			if !errors.Is(err, vaultkit.ErrNotAsked) || !strings.Contains(err.Error(), "version 2 of example is not revoked") ||
				!strings.Contains(err.Error(), "by hand") || strings.Contains(err.Error(), "sk-standin") {
				t.Errorf("run() = %v, want ErrNotAsked, and that version 2 must be revoked by hand", err)
			}
		}
	})
	if !strings.Contains(lines, "version 3 of example is revoked") || strings.Contains(lines, "sk-standin") {
		t.Errorf("run() logs %q, want that version 3 is revoked", lines)
	}
	if names := api.Working(); len(names) != 2 || !slices.Contains(names, "first") {
		t.Errorf("working keys = %q, want first and the one in Vault", names)
	}
}

// An old key that another provider still has is not revoked. The run fails, so that cron reports it.
func TestRun_FailsIfAnOldKeyIsInForceElsewhere(t *testing.T) {
	api, vault, r := setup(t, 0)
	vault.PutProvider("other", vaultkit.ProviderKeys{fieldKey: vault.Provider("example")[fieldKey]})
	if err := r.run(t.Context()); !errors.Is(err, vaultkit.ErrConflict) || strings.Contains(err.Error(), "sk-standin") {
		t.Errorf("run(), the old key is in force in another provider = %v, want ErrConflict", err)
	}
	if names := api.Working(); len(names) != 2 {
		t.Errorf("working keys = %q, want two", names)
	}
}

// A rollback during the wait puts the old key in force again. That is no failure, and the key stays.
func TestRevokeOld_KeepsAKeyThatARollbackPutInForce(t *testing.T) {
	api, vault, r := setup(t, 0)
	first := vault.Provider("example")
	id, err := r.rotate(t.Context())
	if err != nil {
		t.Fatalf("rotate() = %v, want no error", err)
	}
	if _, err := r.client.Rollback(t.Context(), "example", id); err != nil {
		t.Fatalf("Rollback() = %v, want no error", err)
	}
	lines := logged(t, func() {
		if err := r.revokeOld(t.Context(), id); err != nil {
			t.Errorf("revokeOld(), after a rollback = %v, want no error", err)
		}
	})
	if !strings.Contains(lines, "in force again, after a rollback") {
		t.Errorf("revokeOld(), after a rollback, logs %q, want that the key is in force again", lines)
	}
	if err := r.works(t.Context(), vaultkit.Target{}, first); err != nil || len(api.Working()) != 2 {
		t.Errorf("the key that is in force again: %v, working keys = %q, want that it works, and two keys", err, api.Working())
	}
}

// A flag after the provider would be ignored, so it is an error.
func TestRun_RefusesASecondArgument(t *testing.T) {
	t.Setenv("PROVIDER_URL", "http://127.0.0.1:1")
	t.Setenv("PROVIDER_ADMIN_KEY", "fake-admin-key")
	for _, args := range [][]string{{"example", "-wait", "1s"}, {"example", "other"}} {
		if err := run(t.Context(), args, time.Minute); err == nil || !strings.Contains(err.Error(), "flags before it") {
			t.Errorf("run(%q) = %v, want an error about the arguments", args, err)
		}
	}
}

// Every success may have made a key. A key that this program cannot read is reported by its name.
func TestNewFields_ReadsEverySuccess(t *testing.T) {
	for _, tc := range []struct {
		status     int
		body, says string // says "": the key is read
	}{
		{200, `{"id": "key_1", "key": "SECRET"}`, ""},
		{201, `{"id": "key_1", "key": "SECRET"}`, ""},
		{202, `{"id": "key_1", "key": "SECRET"}`, ""},
		{201, `{"id": "key_1", "value": "SECRET"}`, "status 201 and no key that this program can read: a key with the name stamp may exist; revoke it"},
		{201, "SECRET", "status 201 and no key that this program can read: a key with the name stamp may exist; revoke it"},
		{204, "", "status 204 and no key that this program can read: a key with the name stamp may exist; revoke it"},
		{500, "SECRET", "status 500 and no key that this program can read: a key with the name stamp may exist; revoke it"},
		{403, `{"id": "key_1", "key": "SECRET"}`, "made no key: status 403"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tc.status)
			_, _ = w.Write([]byte(tc.body))
		}))
		fields, err := newIssuer(server.URL, "fake-admin-key").NewFields(t.Context(), vaultkit.Target{Stamp: "stamp"})
		server.Close()
		switch {
		case tc.says == "":
			if err != nil || fields[fieldKey] != "SECRET" || fields[fieldID] != "key_1" {
				t.Errorf("NewFields(), %d = %d fields, %v, want the key and its id", tc.status, len(fields), err)
			}
		case err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "SECRET"):
			t.Errorf("NewFields(), %d %s = %v, want %q", tc.status, tc.body, err, tc.says)
		}
	}
}

// No error repeats the admin key, a key, or a response.
func TestIssuer_ErrorsSayNoSecret(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"refused": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "SECRET", http.StatusForbidden) },
		"no JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("SECRET")) },
		"no key":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"id": "SECRET"}`)) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		},
		"a secret in the redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/?SECRET", http.StatusTemporaryRedirect)
		},
		"a secret as the status": func(w http.ResponseWriter, _ *http.Request) {
			connection, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = connection.Write([]byte("HTTP/1.1 SECRET\r\n\r\n"))
				_ = connection.Close()
			}
		},
		"hang-up": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		server := httptest.NewServer(answer)
		i := newIssuer(server.URL, "SECRET")
		if _, err := i.NewFields(t.Context(), vaultkit.Target{Stamp: "stamp"}); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("NewFields, %s = %v, want an error without a secret", name, err)
		}
		for call, err := range map[string]error{
			"verifier": verifierAt(t, server.URL, time.Millisecond)(t.Context(), vaultkit.Target{}, vaultkit.ProviderKeys{fieldKey: "SECRET"}),
			"Revoke":   i.Revoke(t.Context(), vaultkit.Target{}, vaultkit.ProviderKeys{fieldID: "key_1"}),
		} {
			if err != nil && strings.Contains(err.Error(), "SECRET") {
				t.Errorf("%s, %s = %v, want no secret in it", call, name, err)
			}
		}
		server.Close()
	}
}

// A redirect leads the admin key and the new key nowhere.
func TestCalls_FollowNoRedirect(t *testing.T) {
	var reached atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	i := newIssuer(server.URL, "SECRET")
	_, made := i.NewFields(t.Context(), vaultkit.Target{Stamp: "stamp"})
	for call, err := range map[string]error{
		"NewFields": made,
		"Revoke":    i.Revoke(t.Context(), vaultkit.Target{}, vaultkit.ProviderKeys{fieldID: "key_1"}),
		"verifier":  verifierAt(t, server.URL, time.Millisecond)(t.Context(), vaultkit.Target{}, vaultkit.ProviderKeys{fieldKey: "SECRET"}),
	} {
		if err == nil {
			t.Errorf("%s, a redirect = nil, want an error", call)
		}
	}
	if got := reached.Load(); got != 0 {
		t.Errorf("requests to another server = %d, want 0", got)
	}
}

// A dry run makes no key.
func TestRotate_DryRunMakesNoKey(t *testing.T) {
	api, _, r := setup(t, 0)
	if _, err := r.client.Rotate(t.Context(), "example", r.issuer, vaultkit.WithVerify(r.works), vaultkit.WithDryRun()); err != nil {
		t.Errorf("Rotate(dry run) = %v, want no error", err)
	}
	if names := api.Working(); len(names) != 1 {
		t.Errorf("working keys after a dry run = %q, want one", names)
	}
}

// A key that an earlier run replaced is revoked only after the wait, and one that another source
// replaced is not.
func TestRevokeOld_WaitsAndLeavesTheKeysOfOthers(t *testing.T) {
	api, _, r := setup(t, 0)
	id, key := api.Issue("by hand")
	if _, err := r.client.Rotate(t.Context(), "example", vaultkit.NewFields(map[string]any{fieldKey: key, fieldID: id})); err != nil {
		t.Fatalf("Rotate(by hand) = %v, want no error", err)
	}
	first, err := r.rotate(t.Context()) // replaces "by hand"
	if err != nil {
		t.Fatalf("rotate() = %v, want no error", err)
	}
	r.wait = time.Hour
	if err := r.revokeOld(t.Context(), "none"); err != nil || len(api.Working()) != 3 {
		t.Errorf("revokeOld() before the wait = %v, working keys = %q, want all three", err, api.Working())
	}
	if err := r.revokeOld(t.Context(), first); err != nil || len(api.Working()) != 2 {
		t.Errorf("revokeOld(%s) = %v, working keys = %q, want the newest and first", first, err, api.Working())
	}
	r.wait = 0
	if err := r.revokeOld(t.Context(), "none"); err != nil || !slices.Contains(api.Working(), "first") {
		t.Errorf("revokeOld() = %v, working keys = %q, want first, which another source replaced", err, api.Working())
	}
}

// No key is sent to another machine without TLS, and none is made before that is checked.
func TestRun_RefusesAnAddressWithoutTLS(t *testing.T) {
	t.Setenv("PROVIDER_URL", "http://provider.example.invalid")
	t.Setenv("PROVIDER_ADMIN_KEY", "fake-admin-key")
	if err := run(t.Context(), []string{"example"}, 0); err == nil || !strings.Contains(err.Error(), "PROVIDER_URL: ") {
		t.Errorf("run() = %v, want an error that names PROVIDER_URL", err)
	}
}
