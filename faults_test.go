package vaultkit_test

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

var (
	oldSecret = map[string]any{"api_key": "fake-old", "keep": "kept"}
	newSecret = map[string]any{"api_key": "fake-new", "keep": "kept"}
)

// world is one provider whose rotation from oldSecret to newSecret is disturbed.
type world struct {
	*testing.T
	provider string
	proxy    *faultproxy.Proxy
	victim   *vaultkit.Client // its requests pass the proxy
	other    *vaultkit.Client // goes straight to Vault
}

func newWorld(t *testing.T) *world {
	t.Helper()
	proxy := newProxy(t)
	w := &world{T: t, provider: store(t, oldSecret), proxy: proxy, other: newClient(t)}
	w.newVictim()
	return w
}

// newVictim logs the victim in, before anything disturbs it.
func (w *world) newVictim(opts ...vaultkit.Option) {
	w.Helper()
	w.proxy.SetRule(nil)
	w.victim = newClient(w, append(opts, vaultkit.WithAddress(w.proxy.URL()))...)
	w.proxy.Reset()
}

func (w *world) rotate(ctx context.Context, client *vaultkit.Client) (*vaultkit.Rotation, error) {
	return client.Rotate(ctx, w.provider, vaultkit.NewKey("fake-new"))
}

func (w *world) recover() []vaultkit.Resolution {
	w.Helper()
	found, err := w.other.Recover(w.Context(), w.provider)
	if err != nil {
		w.Fatal(err)
	}
	return found
}

// check reads Vault through the official client and holds it to the protocol's
// guarantees; it returns whether the new secret is in force.
func (w *world) check() (committed bool) {
	w.Helper()
	snapshot := vaulttest.Snapshot(w, w.provider)
	provider := snapshot["providers/"+w.provider]
	var backups, records []vaulttest.Entry
	for path, entry := range snapshot {
		switch {
		case path == "providers/"+w.provider:
		case path[:8] == "backups/":
			backups = append(backups, entry)
		default:
			records = append(records, entry)
		}
	}
	if provider.Current > 2 || len(backups) > 1 || len(records) > 1 {
		w.Fatalf("more than one version, backup or record: %+v", snapshot)
	}
	if !reflect.DeepEqual(provider.Versions[1], oldSecret) {
		w.Fatalf("version 1 is %v", provider.Versions[1])
	}
	committed = provider.Current == 2
	if committed && !reflect.DeepEqual(provider.Versions[2], newSecret) {
		w.Fatalf("version 2 is %v", provider.Versions[2])
	}
	if committed && (len(backups) != 1 || !reflect.DeepEqual(backups[0].Versions[1], oldSecret)) {
		w.Fatalf("replaced without a backup: %+v", snapshot)
	}
	if len(records) == 1 && (records[0].Versions[1]["outcome"] == "committed") != committed {
		w.Fatalf("a lying record: %+v", snapshot)
	}
	return committed
}

// done checks that the rotation is committed and recorded, once each.
func (w *world) done() {
	w.Helper()
	if !w.check() {
		w.Fatal("not committed")
	}
	history, err := w.other.History(w.Context(), w.provider)
	if err != nil || len(history) != 1 || history[0].Outcome != vaultkit.Committed || history[0].NewVersion != 2 {
		w.Fatalf("history %+v, %v", history, err)
	}
}

func (w *world) root() *api.Logical { return vaulttest.Root(w).Logical() }

func (w *world) metadataPath() string {
	return vaulttest.Mount + "/metadata/" + vaulttest.Base + "/providers/" + w.provider
}

// version is the provider's current one.
func (w *world) version() int {
	w.Helper()
	return vaulttest.Snapshot(w, w.provider)["providers/"+w.provider].Current
}

// requestsOf counts the requests of an undisturbed rotation by a client that has
// just logged in.
func requestsOf(t *testing.T) []faultproxy.Request {
	t.Helper()
	w := newWorld(t)
	if _, err := w.rotate(t.Context(), w.victim); err != nil {
		t.Fatal(err)
	}
	w.done()
	return w.proxy.Log()
}

// The five requests of the protocol stand in this order, beside them the check of
// capabilities, the two looks at revocations and the sweep's two lists.
func TestRotateSendsTheProtocol(t *testing.T) {
	var got []string
	for _, request := range requestsOf(t) {
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
			t.Fatalf("requests\n%q, without %q", got, one)
		}
		if one == beside[0] && at > 2 { // three requests begin at once
			t.Errorf("the capabilities were asked for as request %d, after a write", at)
		}
		got = slices.Delete(got, at, at+1)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("requests\n%q, want\n%q", got, want)
	}
}

// One fault at one request, whatever it is, is ridden out: success, one version,
// one record.
func TestRotateRidesOutOneFault(t *testing.T) {
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
	for n, request := range requestsOf(t) {
		for name, fault := range faults {
			t.Run(fmt.Sprintf("%d/%s %s/%s", n+1, request.Method, request.Path[:20], name), func(t *testing.T) {
				w := newWorld(t)
				w.proxy.SetRule(faultproxy.At(n+1, fault))
				r, err := w.rotate(t.Context(), w.victim)
				if err != nil || r.Outcome != vaultkit.Committed || len(r.Warnings) > 0 {
					t.Fatalf("Rotate = %+v, %v", r, err)
				}
				w.done()
				if found := w.recover(); len(found) != 0 {
					t.Errorf("Recover found %+v", found)
				}
			})
		}
	}
}

// The client dies at a request that is or is not applied, or goes on its way
// late; what the caller was told is true, and a rerun or a recovery finishes it.
func TestClientKilledAtEachRequest(t *testing.T) {
	for n := range stepsOf(t) {
		for _, applied := range []bool{false, true} {
			for _, finish := range []string{"rerun", "recover", "recover then rerun"} {
				t.Run(fmt.Sprintf("%d/applied %v/%s", n+1, applied, finish), func(t *testing.T) {
					w := newWorld(t)
					err := w.kill(n+1, applied)
					committed := w.check()
					switch {
					case err == nil && !committed:
						t.Fatal("success, but not committed")
					case err != nil && committed && !errors.Is(err, vaultkit.ErrUndetermined):
						t.Fatalf("committed, but the error says otherwise: %v", err)
					}
					w.finish(finish, committed)
				})
			}
		}
	}
}

// kill rotates and cuts the client off for good at its nth request.
func (w *world) kill(n int, applied bool) error {
	w.Helper()
	return w.killAt(nth(n), applied)
}

// nth is the nth of the requests that are sent one after the other: while it is on its
// way nothing else is that changes something.
func nth(n int) func(faultproxy.Request) bool {
	seen := 0
	return func(r faultproxy.Request) bool {
		if !beside(r) {
			seen++
		}
		return !beside(r) && seen == n
	}
}

func beside(r faultproxy.Request) bool { return faulttest.Beside(r.Path, r.Query) }

// stepsOf are the requests of a rotation that are sent one after the other.
func stepsOf(t *testing.T) []faultproxy.Request {
	t.Helper()
	return slices.DeleteFunc(requestsOf(t), beside)
}

// killBeforeCommit leaves a backup, and nothing committed.
func (w *world) killBeforeCommit() {
	w.Helper()
	_ = w.killAt(writes("/data/"+vaulttest.Base+"/providers/"), false)
}

// killBeforeRecord leaves a committed rotation without its record.
func (w *world) killBeforeRecord() {
	w.Helper()
	_ = w.killAt(writes("/data/"+vaulttest.Base+"/rotations/"), false)
}

func writes(path string) func(faultproxy.Request) bool {
	return func(r faultproxy.Request) bool { return r.Method == "PUT" && strings.Contains(r.Path, path) }
}

// killAt kills the victim's rotation at the first such request.
func (w *world) killAt(fatal func(faultproxy.Request) bool, applied bool) error {
	w.Helper()
	w.newVictim(clienttest.WithRecordWait(100 * time.Millisecond)) // it will wait in vain
	ctx, cancel := context.WithCancel(w.Context())
	defer cancel()
	last := faultproxy.Refuse().Before(cancel)
	if applied {
		last = faultproxy.After(cancel)
	}
	w.proxy.SetRule(dieAt(fatal, last))
	_, err := w.rotate(ctx, w.victim)
	w.proxy.Wait()
	return err
}

// dieAt lets a client's first fatal request be its last, and refuses all after it.
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

func (w *world) finish(how string, committed bool) {
	w.Helper()
	if how != "rerun" {
		for _, one := range w.recover() {
			if want := map[bool]vaultkit.Outcome{true: vaultkit.Committed, false: vaultkit.Undecided}[committed]; one.Outcome != want {
				w.Fatalf("Recover says %s, committed is %v", one.Outcome, committed)
			}
		}
		if w.check() != committed {
			w.Fatal("Recover changed the provider")
		}
		if again := w.recover(); committed && len(again) != 0 {
			w.Fatalf("a second Recover found %+v", again)
		}
	}
	if how == "recover" && !committed {
		return // nothing happened, and nothing is recorded
	}
	if how != "recover" {
		r, err := w.rotate(w.Context(), w.other)
		if err != nil || r.Resumed != committed {
			w.Fatalf("rerun: %+v, %v", r, err)
		}
	}
	w.done()
}

// A write that arrives long after its client gave up changes no verdict.
func TestZombieWrites(t *testing.T) {
	for n, request := range stepsOf(t) {
		if request.Method != "PUT" {
			continue
		}
		for _, finish := range []string{"rerun first", "zombie first", "rival first"} {
			t.Run(fmt.Sprintf("%d/%s", n+1, finish), func(t *testing.T) {
				w := newWorld(t)
				w.newVictim(clienttest.WithRecordWait(100 * time.Millisecond))
				release := make(chan struct{})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w.proxy.SetRule(dieAt(nth(n+1), faultproxy.Late(release).Before(cancel)))
				_, err := w.rotate(ctx, w.victim)
				if finish == "rival first" {
					w.rivalThenZombie(release, err)
					return
				}
				if finish == "zombie first" {
					close(release)
					w.proxy.Wait()
				}
				if _, err := w.rotate(t.Context(), w.other); err != nil {
					t.Fatalf("rerun: %v", err)
				}
				if finish == "rerun first" {
					close(release)
					w.proxy.Wait()
				}
				w.done()
			})
		}
	}
}

// rivalThenZombie lets another key win and then delivers the zombie.
func (w *world) rivalThenZombie(release chan struct{}, told error) {
	w.Helper()
	rival := rotate(w.T, w.other, w.provider, "fake-rival")
	close(release)
	w.proxy.Wait()
	w.recover()
	history, err := w.other.History(w.Context(), w.provider)
	if err != nil {
		w.Fatal(err)
	}
	committed := map[int]string{}
	for _, record := range history {
		if record.Outcome == vaultkit.Committed {
			if other, twice := committed[record.NewVersion]; twice {
				w.Fatalf("version %d committed by %s and %s", record.NewVersion, other, record.ID)
			}
			committed[record.NewVersion] = record.ID
		}
	}
	provider := vaulttest.Snapshot(w, w.provider)["providers/"+w.provider]
	if len(committed) != provider.Current-1 || provider.Versions[rival.NewVersion]["api_key"] != "fake-rival" {
		w.Errorf("records %v, provider %+v, victim was told %v", committed, provider, told)
	}
}
