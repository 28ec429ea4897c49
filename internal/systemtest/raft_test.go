package systemtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/devvault"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/realvault"
	"goblin/vaultkit/internal/vaulttest"
)

// TestRaftServerKilledAtEachRequest kills a Raft server with SIGKILL and restarts it at
// each request of a rotation. No acknowledged write is lost, and what the caller gets is
// true.
func TestRaftServerKilledAtEachRequest(t *testing.T) {
	d := newRaftServer(t)
	undisturbed, err := d.rotateOver(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	requests, rounds := len(undisturbed), 1
	if vaulttest.Long() {
		rounds = 20
	}
	for range rounds {
		for n := 1; n <= requests; n++ {
			t.Run(fmt.Sprintf("%d/before it is seen", n), func(t *testing.T) { d.mustSucceed(t, d.beforeSeen(n)) })
			t.Run(fmt.Sprintf("%d/before its answer", n), func(t *testing.T) { d.mustSucceed(t, d.beforeAnswer(n)) })
			t.Run(fmt.Sprintf("%d/after a lost answer", n), func(t *testing.T) { d.mustSucceed(t, d.afterLost(n)) })
			t.Run(fmt.Sprintf("%d/meanwhile", n), func(t *testing.T) { d.kill(t, d.meanwhile(n)) })
		}
	}
	t.Logf("%d kills at %d requests: rotations %v, violations %d", d.kills.Load(), requests, d.told, d.violations)
}

// raftServer is a single Vault that stores its data on disk, and its users.
type raftServer struct {
	whole      *testing.T
	server     *devvault.Server
	proxy      *faultproxy.Proxy
	root       *api.Client
	token      string // has only the rotator's policy
	crashing   sync.WaitGroup
	kills      atomic.Int64
	told       map[string]int // results of Rotate, with their number
	violations int
}

func newRaftServer(t *testing.T) *raftServer {
	t.Helper()
	server := realvault.Start(t, devvault.Options{Raft: true})
	root := vaulttest.RootOf(t, server)
	return &raftServer{whole: t, server: server, proxy: clienttest.NewProxyTo(t, server.Addr()), root: root, told: make(map[string]int),
		token: vaulttest.TokenAt(t, root, vaulttest.Policy(t, "../../", "rotator"))}
}

// mustSucceed calls kill. Rotate must succeed, because the client meets no dead or sealed
// server.
func (d *raftServer) mustSucceed(t *testing.T, rule faultproxy.Rule) {
	t.Helper()
	if err := d.kill(t, rule); err != nil {
		t.Errorf("Rotate = %v, want no error", err)
	}
}

// kill rotates with a rule that kills the server once.
func (d *raftServer) kill(t *testing.T, rule faultproxy.Rule) (told error) {
	t.Helper()
	before := d.kills.Load()
	_, told = d.rotateOver(t, rule)
	if times := d.kills.Load() - before; times != 1 {
		t.Errorf("the server was killed %d times, want once", times)
	}
	return told
}

// crash kills and restarts the server, as a power cut does. It returns before the client
// gets a response.
func (d *raftServer) crash() {
	if err := errors.Join(d.server.Kill(), d.server.Restart(d.whole.Context())); err != nil {
		d.whole.Error(err)
	}
	d.kills.Add(1)
}

func (d *raftServer) beforeSeen(n int) faultproxy.Rule {
	return faultproxy.At(n, faultproxy.Refuse().Before(d.crash))
}
func (d *raftServer) beforeAnswer(n int) faultproxy.Rule {
	return faultproxy.At(n, faultproxy.After(d.crash))
}

// afterLost crashes the server after a lost response. The next request reaches another
// process.
func (d *raftServer) afterLost(n int) faultproxy.Rule {
	return faultproxy.Rules(faultproxy.At(n, faultproxy.Lose()), faultproxy.At(n+1, faultproxy.Before(d.crash)))
}

// meanwhile kills the server at a random time during the request. The client may meet it
// dead, sealed or without a leader.
func (d *raftServer) meanwhile(n int) faultproxy.Rule {
	return faultproxy.At(n, faultproxy.Before(func() {
		d.crashing.Add(1)
		time.AfterFunc(rand.N(4*time.Millisecond), func() {
			defer d.crashing.Done()
			d.crash()
		})
	}))
}

// rotateOver rotates a provider with the rule, compares Vault with what Rotate returned,
// and returns the rotation's requests.
func (d *raftServer) rotateOver(t *testing.T, rule faultproxy.Rule) (log []faultproxy.Request, told error) {
	t.Helper()
	provider := vaulttest.Name(t)
	if _, err := d.root.KVv2(vaulttest.Mount).Put(t.Context(), vaulttest.Base+"/providers/"+provider, clienttest.OldSecret); err != nil {
		t.Fatal(err)
	}
	client := clienttest.New(t, vaultkit.WithAddress(d.proxy.URL()), vaultkit.WithToken(vaultkit.FromString(d.token)),
		vaultkit.WithTimeouts(vaultkit.Timeouts{Request: time.Minute})) // a restart may be slow on a busy machine
	d.proxy.Reset()
	d.proxy.SetRule(rule)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := client.Rotate(ctx, provider, vaultkit.NewKey("fake-new"), vaultkit.WithActor("fake-actor"))
	d.proxy.SetRule(nil)
	d.crashing.Wait()
	log = d.proxy.Log()
	d.told[kindOf(err)]++
	if _, err := client.Recover(t.Context(), provider); err != nil {
		t.Fatal(err)
	}
	found := d.readState(t, provider)
	for _, violation := range append(found.lostWrites(log), found.falseClaims(r, err)...) {
		d.violations++
		t.Errorf("Rotate = %+v, %v, but %s, want no violation; Vault has %+v", r, err, violation, found)
	}
	return log, err
}

// kindOf names the class of a result of Rotate.
func kindOf(err error) string {
	switch {
	case err == nil:
		return "success"
	case errors.Is(err, vaultkit.ErrConflict):
		return "conflict"
	case errors.Is(err, vaultkit.ErrUndetermined):
		return "undetermined"
	case errors.Is(err, vaultkit.ErrUnavailable):
		return "unavailable"
	}
	return "another error"
}

// vaultState is what Vault has of a provider's only rotation.
type vaultState struct {
	provider, backup, record vaulttest.Entry
	id                       string
	others                   int // unexpected backups and records
}

func (d *raftServer) readState(t *testing.T, provider string) vaultState {
	t.Helper()
	found := vaultState{provider: vaulttest.LookAt(t, d.root, "providers/"+provider)["providers/"+provider]}
	backups := vaulttest.LookAt(t, d.root, "backups/"+provider)
	records := vaulttest.LookAt(t, d.root, "rotations/"+provider)
	for path, entry := range backups {
		found.id, found.backup = strings.TrimPrefix(path, "backups/"+provider+"/"), entry
	}
	record, ok := records["rotations/"+provider+"/"+found.id]
	found.record = record
	found.others = max(len(backups)-1, 0) + len(records)
	if ok {
		found.others--
	}
	return found
}

func (h vaultState) committed() bool { return h.provider.Current == 2 }

// lostWrites lists the writes that the server acknowledged to the client or the proxy, and
// that are missing.
func (h vaultState) lostWrites(log []faultproxy.Request) (violations []string) {
	for _, request := range log {
		if request.Method != "PUT" || request.Status < 200 || request.Status > 299 {
			continue
		}
		kept := true
		switch kind := strings.TrimPrefix(request.Path, vaulttest.Mount+"/"); {
		case strings.HasPrefix(kind, "data/"+vaulttest.Base+"/providers/"):
			kept = h.committed()
		case strings.HasPrefix(kind, "data/"+vaulttest.Base+"/backups/"):
			kept = reflect.DeepEqual(h.backup.Versions[1], clienttest.OldSecret)
		case strings.HasPrefix(kind, "metadata/"+vaulttest.Base+"/backups/"):
			kept = h.backup.Custom["actor"] == "fake-actor"
		case strings.HasPrefix(kind, "data/"+vaulttest.Base+"/rotations/"):
			kept = h.record.Versions[1] != nil
		}
		if !kept {
			violations = append(violations, fmt.Sprintf("the acknowledged request %d is lost: %s", request.N, request.Path))
		}
	}
	return violations
}

// falseClaims lists wrong contents of Vault and wrong results of Rotate.
func (h vaultState) falseClaims(r *vaultkit.Rotation, err error) (violations []string) {
	outcome := h.record.Versions[1]["outcome"]
	for violation, so := range map[string]bool{
		"version 1 changed":                     !reflect.DeepEqual(h.provider.Versions[1], clienttest.OldSecret),
		"there are entries of another rotation": h.others > 0 || len(h.provider.Versions) > 2 || len(h.record.Versions) > 1,
		"version 2 is not the new secret":       h.committed() && !reflect.DeepEqual(h.provider.Versions[2], clienttest.NewSecret),
		"version 2 has no backup":               h.committed() && !reflect.DeepEqual(h.backup.Versions[1], clienttest.OldSecret),
		"the commit is not recorded":            h.committed() && outcome != "committed",
		"an undecided rotation is recorded":     !h.committed() && outcome != nil,
		"Rotate succeeded without a commit":     (err == nil || r != nil) && !h.committed(),
		"Rotate failed after the commit":        err != nil && !errors.Is(err, vaultkit.ErrUndetermined) && h.committed(),
		"the error is neither ErrUnavailable nor ErrUndetermined": err != nil && !errors.Is(err, vaultkit.ErrUnavailable) &&
			!errors.Is(err, vaultkit.ErrUndetermined),
		"the stored record differs from the returned one": err == nil && !h.recorded(r),
	} {
		if so {
			violations = append(violations, violation)
		}
	}
	return violations
}

// recorded reports whether Vault's record equals the returned one.
func (h vaultState) recorded(r *vaultkit.Rotation) bool {
	record, err := recordOf(h.record)
	stored, err1 := json.Marshal(record)
	returned, err2 := json.Marshal(r.Record)
	return errors.Join(err, err1, err2) == nil && r.ID == h.id && string(stored) == string(returned)
}
