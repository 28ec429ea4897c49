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
	"goblin/vaultkit/internal/vaulttest"
)

// A Raft server is killed with -9 and started again at each request of a
// rotation, on disk: nothing that it acknowledged to anybody is lost, and what
// the caller was told is true.
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
			t.Run(fmt.Sprintf("%d/before it is seen", n), func(t *testing.T) { d.mustRideOut(t, d.beforeSeen(n)) })
			t.Run(fmt.Sprintf("%d/before its answer", n), func(t *testing.T) { d.mustRideOut(t, d.beforeAnswer(n)) })
			t.Run(fmt.Sprintf("%d/after a lost answer", n), func(t *testing.T) { d.mustRideOut(t, d.afterLost(n)) })
			t.Run(fmt.Sprintf("%d/meanwhile", n), func(t *testing.T) { d.kill(t, d.meanwhile(n)) })
		}
	}
	t.Logf("%d kills at %d requests: rotations %v, violations %d", d.kills.Load(), requests, d.told, d.violations)
}

// disk is a lone Vault that keeps its data on disk, and who uses it.
type raftServer struct {
	whole      *testing.T
	server     *devvault.Server
	proxy      *faultproxy.Proxy
	root       *api.Client
	token      string // may rotate and nothing else
	crashing   sync.WaitGroup
	kills      atomic.Int64
	told       map[string]int // what Rotate returned, how often
	violations int
}

func newRaftServer(t *testing.T) *raftServer {
	t.Helper()
	server := vaulttest.Start(t, devvault.Options{Raft: true})
	root := vaulttest.RootOf(t, server)
	return &raftServer{whole: t, server: server, proxy: clienttest.NewProxyTo(t, server.Addr()), root: root, told: make(map[string]int),
		token: vaulttest.TokenAt(t, root, vaulttest.Policy(t, "../../", "rotator"))}
}

// mustRideOut is kill where the client meets no dead or sealed server, and so no
// reason to give up.
func (d *raftServer) mustRideOut(t *testing.T, rule faultproxy.Rule) {
	t.Helper()
	if err := d.kill(t, rule); err != nil {
		t.Errorf("Rotate: %v", err)
	}
}

// kill rotates by a rule that kills the server once.
func (d *raftServer) kill(t *testing.T, rule faultproxy.Rule) (told error) {
	t.Helper()
	before := d.kills.Load()
	_, told = d.rotateOver(t, rule)
	if times := d.kills.Load() - before; times != 1 {
		t.Errorf("the server was killed %d times", times)
	}
	return told
}

// crash is what a power cut and the boot after it are to the server. It is over
// before the client is told anything.
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

// afterLost: the next request, a repetition or not, finds another process.
func (d *raftServer) afterLost(n int) faultproxy.Rule {
	return faultproxy.Rules(faultproxy.At(n, faultproxy.Lose()), faultproxy.At(n+1, faultproxy.Before(d.crash)))
}

// meanwhile kills the server at some moment of the request's life, and the client
// may meet it dead, sealed or without a leader.
func (d *raftServer) meanwhile(n int) faultproxy.Rule {
	return faultproxy.At(n, faultproxy.Before(func() {
		d.crashing.Add(1)
		time.AfterFunc(rand.N(4*time.Millisecond), func() {
			defer d.crashing.Done()
			d.crash()
		})
	}))
}

// rotateOver rotates a provider by the rule, holds what Vault has then against
// what anybody was told, and returns the rotation's requests.
func (d *raftServer) rotateOver(t *testing.T, rule faultproxy.Rule) (log []faultproxy.Request, told error) {
	t.Helper()
	provider := vaulttest.Name(t)
	if _, err := d.root.KVv2(vaulttest.Mount).Put(t.Context(), vaulttest.Base+"/providers/"+provider, clienttest.OldSecret); err != nil {
		t.Fatal(err)
	}
	client := clienttest.New(t, vaultkit.WithAddress(d.proxy.URL()), vaultkit.WithToken(vaultkit.FromString(d.token)),
		vaultkit.WithTimeouts(vaultkit.Timeouts{Request: time.Minute})) // a busy machine may take its time to restart
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
		t.Errorf("%s; told %+v, %v; Vault has %+v", violation, r, err, found)
	}
	return log, err
}

// kindOf names what a Rotate returned.
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

// holdings is what Vault has of the one rotation of a provider.
type vaultState struct {
	provider, backup, record vaulttest.Entry
	id                       string
	others                   int // backups and records of other rotations, of which there are none
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

// lost names every write that the server acknowledged, to the client or only to
// the proxy, and that is not there.
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
			violations = append(violations, fmt.Sprintf("request %d was acknowledged and is lost: %s", request.N, request.Path))
		}
	}
	return violations
}

// lies names what Vault has other than it should, and what the caller was told
// otherwise.
func (h vaultState) falseClaims(r *vaultkit.Rotation, err error) (violations []string) {
	outcome := h.record.Versions[1]["outcome"]
	for violation, so := range map[string]bool{
		"version 1 changed":                   !reflect.DeepEqual(h.provider.Versions[1], clienttest.OldSecret),
		"more than one rotation's traces":     h.others > 0 || len(h.provider.Versions) > 2 || len(h.record.Versions) > 1,
		"version 2 is not what was asked for": h.committed() && !reflect.DeepEqual(h.provider.Versions[2], clienttest.NewSecret),
		"replaced without a backup":           h.committed() && !reflect.DeepEqual(h.backup.Versions[1], clienttest.OldSecret),
		"committed and not recorded so":       h.committed() && outcome != "committed",
		"recorded while it is undecided":      !h.committed() && outcome != nil,
		"told of success":                     (err == nil || r != nil) && !h.committed(),
		"told of failure":                     err != nil && !errors.Is(err, vaultkit.ErrUndetermined) && h.committed(),
		"another error than Vault's trouble": err != nil && !errors.Is(err, vaultkit.ErrUnavailable) &&
			!errors.Is(err, vaultkit.ErrUndetermined),
		"another record than Rotate returned": err == nil && !h.recorded(r),
	} {
		if so {
			violations = append(violations, violation)
		}
	}
	return violations
}

// recorded compares the rotation's record, as it was returned, with Vault's.
func (h vaultState) recorded(r *vaultkit.Rotation) bool {
	record, err := recordOf(h.record)
	stored, err1 := json.Marshal(record)
	returned, err2 := json.Marshal(r.Record)
	return errors.Join(err, err1, err2) == nil && r.ID == h.id && string(stored) == string(returned)
}
