package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/faulttest"
	"goblin/vaultkit/internal/vaulttest"
)

// scenario is a [clienttest.Scenario] with functions that disturb one rotation and check it.
type scenario struct{ *clienttest.Scenario }

func newScenario(t *testing.T) *scenario {
	t.Helper()
	return &scenario{clienttest.NewScenario(t)}
}

func (w *scenario) recover() []vaultkit.Resolution {
	w.Helper()
	found, err := w.Direct.Recover(w.Context(), w.Provider)
	if err != nil {
		w.Fatal(err)
	}
	return found
}

// check reads Vault with the official client and checks the protocol's guarantees. It returns
// whether the new secret is in force.
func (w *scenario) check() (committed bool) {
	w.Helper()
	snapshot := vaulttest.Snapshot(w, w.Provider)
	provider := snapshot["providers/"+w.Provider]
	var backups, records []vaulttest.Entry
	for path, entry := range snapshot {
		switch {
		case path == "providers/"+w.Provider:
		case path[:8] == "backups/":
			backups = append(backups, entry)
		default:
			records = append(records, entry)
		}
	}
	if provider.Current > 2 || len(backups) > 1 || len(records) > 1 {
		w.Fatalf("Vault has %+v, want at most one new version, backup and record", snapshot)
	}
	if !reflect.DeepEqual(provider.Versions[1], clienttest.OldSecret) {
		w.Fatalf("version 1 = %v, want %v", provider.Versions[1], clienttest.OldSecret)
	}
	committed = provider.Current == 2
	if committed && !reflect.DeepEqual(provider.Versions[2], clienttest.NewSecret) {
		w.Fatalf("version 2 = %v, want %v", provider.Versions[2], clienttest.NewSecret)
	}
	if committed && (len(backups) != 1 || !reflect.DeepEqual(backups[0].Versions[1], clienttest.OldSecret)) {
		w.Fatalf("Vault has %+v, want a backup of the replaced secret", snapshot)
	}
	if len(records) == 1 && (records[0].Versions[1]["outcome"] == "committed") != committed {
		w.Fatalf("Vault has %+v, want a record that says committed: %t", snapshot, committed)
	}
	return committed
}

// assertDone checks that the rotation is committed once and recorded once.
func (w *scenario) assertDone() {
	w.Helper()
	if !w.check() {
		w.Fatal("the rotation is not committed, want it committed")
	}
	history, err := w.Direct.History(w.Context(), w.Provider)
	if err != nil || len(history) != 1 || history[0].Outcome != vaultkit.OutcomeCommitted || history[0].NewVersion != 2 {
		w.Fatalf("History = %+v, %v, want one record, committed as version 2", history, err)
	}
}

func (w *scenario) root() *api.Logical { return vaulttest.Root(w).Logical() }

func (w *scenario) metadataPath() string {
	return vaulttest.Mount + "/metadata/" + vaulttest.Base + "/providers/" + w.Provider
}

// version returns the provider's current version.
func (w *scenario) version() int {
	w.Helper()
	return vaulttest.Snapshot(w, w.Provider)["providers/"+w.Provider].Current
}

// kill runs a rotation and cuts the client off at its nth request.
func (w *scenario) kill(n int, applied bool) error {
	w.Helper()
	return w.killAt(nth(n), applied)
}

// killBeforeCommit leaves a backup and no commit.
func (w *scenario) killBeforeCommit() {
	w.Helper()
	_ = w.killAt(writes("/data/"+vaulttest.Base+"/providers/"), false)
}

// killBeforeRecord leaves a committed rotation without a record.
func (w *scenario) killBeforeRecord() {
	w.Helper()
	_ = w.killAt(writes("/data/"+vaulttest.Base+"/rotations/"), false)
}

// killAt cuts the client off at the first request that fatal reports.
func (w *scenario) killAt(fatal func(faultproxy.Request) bool, applied bool) error {
	w.Helper()
	w.Reconnect(clienttest.WithRecordWait(100 * time.Millisecond)) // the record will fail
	ctx, cancel := context.WithCancel(w.Context())
	defer cancel()
	last := faultproxy.Refuse().Before(cancel)
	if applied {
		last = faultproxy.After(cancel)
	}
	w.Proxy.SetRule(dieAt(fatal, last))
	_, err := w.Rotate(ctx, w.Client)
	w.Proxy.Wait()
	return err
}

func (w *scenario) finish(how string, committed bool) {
	w.Helper()
	if how != "rerun" {
		for _, one := range w.recover() {
			if want := map[bool]vaultkit.Outcome{true: vaultkit.OutcomeCommitted, false: vaultkit.OutcomeUndecided}[committed]; one.Outcome != want {
				w.Fatalf("Recover = %s, want %s", one.Outcome, want)
			}
		}
		if w.check() != committed {
			w.Fatalf("after Recover the new secret is in force: %t, want %t as before", !committed, committed)
		}
		if again := w.recover(); committed && len(again) != 0 {
			w.Fatalf("the second Recover = %+v, want nothing to recover", again)
		}
	}
	if how == "recover" && !committed {
		return // nothing happened, and nothing is recorded
	}
	if how != "recover" {
		r, err := w.Rotate(w.Context(), w.Direct)
		if err != nil || r.Resumed != committed {
			w.Fatalf("the second Rotate = %+v, %v, want success, resumed %t", r, err, committed)
		}
	}
	w.assertDone()
}

// rivalThenZombie lets another rotation commit first and then delivers the late request.
func (w *scenario) rivalThenZombie(release chan struct{}, told error) {
	w.Helper()
	rival := clienttest.Rotate(w.T, w.Direct, w.Provider, "fake-rival")
	close(release)
	w.Proxy.Wait()
	w.recover()
	history, err := w.Direct.History(w.Context(), w.Provider)
	if err != nil {
		w.Fatal(err)
	}
	committed := map[int]string{}
	for _, record := range history {
		if record.Outcome == vaultkit.OutcomeCommitted {
			if other, twice := committed[record.NewVersion]; twice {
				w.Fatalf("History: %s and %s committed version %d, want only one", other, record.ID, record.NewVersion)
			}
			committed[record.NewVersion] = record.ID
		}
	}
	provider := vaulttest.Snapshot(w, w.Provider)["providers/"+w.Provider]
	if len(committed) != provider.Current-1 || provider.Versions[rival.NewVersion]["api_key"] != "fake-rival" {
		w.Errorf("committed records %v, Vault has %+v, want one record for each version and fake-rival; the late client got %v", committed, provider, told)
	}
}

// A rotation sends the five requests of the protocol in this order. At the same time it checks
// its capabilities, twice lists attempts to revoke, and lists backups and records.
func TestRotateSendsTheProtocol(t *testing.T) {
	var got []string
	for _, request := range clienttest.RotationRequests(t) {
		kind := request.Path
		for _, known := range []string{"capabilities-self", "data/goblin-assistant/providers", "data/goblin-assistant/backups",
			"metadata/goblin-assistant/backups", "data/goblin-assistant/rotations", "metadata/goblin-assistant/rotations",
			"metadata/goblin-assistant/revocations"} {
			if strings.Contains(request.Path, known) {
				kind = known
			}
		}
		got = append(got, request.Method+" "+kind)
	}
	beside := []string{"PUT capabilities-self", "GET metadata/goblin-assistant/backups", "GET metadata/goblin-assistant/rotations",
		"GET metadata/goblin-assistant/revocations", "GET metadata/goblin-assistant/revocations"}
	want := []string{
		"GET data/goblin-assistant/providers",
		"PUT data/goblin-assistant/backups",
		"PUT metadata/goblin-assistant/backups",
		"PUT data/goblin-assistant/providers",
		"PUT data/goblin-assistant/rotations",
	}
	for _, one := range beside {
		at := slices.Index(got, one)
		if at < 0 {
			t.Fatalf("Rotate sent\n%q, want also %q", got, one)
		}
		if one == beside[0] && at > 2 { // three requests begin at once
			t.Errorf("Rotate sent %q as request %d, want it among the first three, before any write", one, at+1)
		}
		got = slices.Delete(got, at, at+1)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Rotate sent\n%q, want\n%q", got, want)
	}
}

// A rotation succeeds although one request fails, with one version and one record.
func TestRotate_SucceedsAfterOneFault(t *testing.T) {
	faults := map[string]faultproxy.Action{
		"refused":           faultproxy.Refuse(),
		"applied, lost":     faultproxy.Lose(),
		"applied, 500":      faultproxy.Error(500, `{"errors":["internal error"]}`, true),
		"not applied, 503":  faultproxy.Error(503, `{"errors":["local node not active"]}`, false),
		"not applied, 429":  faultproxy.Error(429, `{"errors":["request path: rate limit quota exceeded"]}`, false),
		"not applied, 412":  faultproxy.Error(412, `{"errors":["required index state not present"]}`, false),
		"applied, cut":      faultproxy.Truncate(),
		"applied, HTML 502": faultproxy.Error(502, `<html>Bad Gateway</html>`, true),
	}
	for n, request := range clienttest.RotationRequests(t) {
		for name, fault := range faults {
			t.Run(fmt.Sprintf("%d/%s %s/%s", n+1, request.Method, request.Path[:20], name), func(t *testing.T) {
				w := newScenario(t)
				w.Proxy.SetRule(faultproxy.At(n+1, fault))
				r, err := w.Rotate(t.Context(), w.Client)
				if err != nil || r.Outcome != vaultkit.OutcomeCommitted || len(r.Warnings) > 0 {
					t.Fatalf("Rotate = %+v, %v, want committed without a warning", r, err)
				}
				w.assertDone()
				if found := w.recover(); len(found) != 0 {
					t.Errorf("Recover = %+v, want nothing to recover", found)
				}
			})
		}
	}
}

// The client dies at a request that is applied, is not applied, or arrives late. What the
// caller was told is true, and a rerun or a recovery finishes the rotation.
func TestRotate_KilledAtEachRequest(t *testing.T) {
	for n := range stepsOf(t) {
		for _, applied := range []bool{false, true} {
			for _, finish := range []string{"rerun", "recover", "recover then rerun"} {
				t.Run(fmt.Sprintf("%d/applied %v/%s", n+1, applied, finish), func(t *testing.T) {
					w := newScenario(t)
					err := w.kill(n+1, applied)
					committed := w.check()
					switch {
					case err == nil && !committed:
						t.Fatal("Rotate = nil and its secret is not in force, want it in force")
					case err != nil && committed && !errors.Is(err, vaultkit.ErrUndetermined):
						t.Fatalf("Rotate = %v and its secret is in force, want nil or ErrUndetermined", err)
					}
					w.finish(finish, committed)
				})
			}
		}
	}
}

// nth reports the nth of the sequential requests. No other request that changes something is
// sent at the same time.
func nth(n int) func(faultproxy.Request) bool {
	seen := 0
	return func(r faultproxy.Request) bool {
		if !beside(r) {
			seen++
		}
		return !beside(r) && seen == n
	}
}

func beside(r faultproxy.Request) bool { return faulttest.MayBeConcurrent(r.Path, r.Query) }

// stepsOf returns the sequential requests of a rotation.
func stepsOf(t *testing.T) []faultproxy.Request {
	t.Helper()
	return slices.DeleteFunc(clienttest.RotationRequests(t), beside)
}

func writes(path string) func(faultproxy.Request) bool {
	return func(r faultproxy.Request) bool { return r.Method == "PUT" && strings.Contains(r.Path, path) }
}

// dieAt applies the action to the first request that fatal reports, and refuses all later
// requests.
func dieAt(fatal func(faultproxy.Request) bool, last faultproxy.Action) faultproxy.Rule {
	dead := false
	return func(r faultproxy.Request) faultproxy.Action {
		switch {
		case dead:
			return faultproxy.Refuse()
		case !fatal(r):
			return faultproxy.Pass
		}
		dead = true
		return last
	}
}

// A write that arrives long after its client has given up changes no outcome.
func TestRotate_LateWritesChangeNoOutcome(t *testing.T) {
	for n, request := range stepsOf(t) {
		if request.Method != "PUT" {
			continue
		}
		for _, finish := range []string{"rerun first", "zombie first", "rival first"} {
			t.Run(fmt.Sprintf("%d/%s", n+1, finish), func(t *testing.T) {
				w := newScenario(t)
				w.Reconnect(clienttest.WithRecordWait(100 * time.Millisecond))
				release := make(chan struct{})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w.Proxy.SetRule(dieAt(nth(n+1), faultproxy.Late(release).Before(cancel)))
				_, err := w.Rotate(ctx, w.Client)
				if finish == "rival first" {
					w.rivalThenZombie(release, err)
					return
				}
				if finish == "zombie first" {
					close(release)
					w.Proxy.Wait()
				}
				if _, err := w.Rotate(t.Context(), w.Direct); err != nil {
					t.Fatalf("the second Rotate = %v, want success", err)
				}
				if finish == "rerun first" {
					close(release)
					w.Proxy.Wait()
				}
				w.assertDone()
			})
		}
	}
}
