//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/faulttest"
	"goblin/vaultkit/internal/short"
	"goblin/vaultkit/internal/vaulttest"
)

// killCount is how often the program is killed; with VAULTKIT_LONG=1, ten times as often.
// It is read before TestMain clears the environment.
var killCount = map[bool]int{false: 200, true: 2000}[os.Getenv("VAULTKIT_LONG") == "1"]

// observerPolicy allows to read everything below the base path, and to undelete versions of
// providers.
const observerPolicy = `
path "secret/data/goblin-assistant/*" { capabilities = ["read"] }
path "secret/metadata/goblin-assistant/*" { capabilities = ["read", "list"] }
path "secret/undelete/goblin-assistant/providers/+" { capabilities = ["update"] }
`

// TestKilled kills the program with SIGKILL at one of its requests: before or after Vault
// has applied it, or before it arrives. The program rotates, revokes old keys or restores
// a deleted version, and every third time a rival writes too. Then recover runs. All
// tokens have only the generated policies.
func TestKilled(t *testing.T) {
	short.RealOnly(t, "programs to kill")
	k := newKillTest(t)
	requests := make([]int, len(victims))
	for i, victim := range victims {
		requests[i] = k.count(t, victim)
	}
	t.Run("", func(t *testing.T) { // returns when all have ended
		for seed := range killCount {
			i := seed % len(victims)
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				proxy, _ := newProxy(t, nil)
				k.runOnce(t, proxy, victims[i], seed, requests[i])
			})
		}
	})
	fmt.Printf("%d kills at %d requests, %d with a rival: %d providers were rotated, %d keys revoked, %d violations\n",
		k.kills, requests, k.rivals, k.rotated, k.revoked, k.violations)
	if k.kills < killCount*9/10 || k.rotated == 0 || k.rotated == k.kills || k.revoked == 0 {
		t.Errorf("of %d runs, %d were killed: %d with the provider rotated, %d with its keys revoked, want %d or more killed, some of each",
			killCount, k.kills, k.rotated, k.revoked, killCount*9/10)
	}
}

// killTest is what all runs share.
type killTest struct {
	binary                      string
	rotator, recoverer, revoker string // files with tokens
	observer                    *faulttest.Observer

	mu                                          sync.Mutex
	kills, rivals, rotated, revoked, violations int
}

func newKillTest(t *testing.T) *killTest {
	t.Helper()
	k := &killTest{binary: program(t)}
	k.rotator = file(t, vaulttest.Token(t, vaulttest.Policy(t, "../../", "rotator")))
	k.recoverer = file(t, vaulttest.Token(t, vaulttest.Policy(t, "../../", "recoverer")))
	k.revoker = file(t, vaulttest.Token(t, vaulttest.Policy(t, "../../", "revoker")))
	client, err := api.NewClient(&api.Config{Address: vaulttest.Server().Addr()})
	if err != nil {
		t.Fatalf("api.NewClient() = %v, want no error", err)
	}
	client.SetToken(vaulttest.Token(t, observerPolicy))
	t.Cleanup(client.CloneConfig().HttpClient.CloseIdleConnections)
	k.observer = &faulttest.Observer{Client: client, Mount: vaulttest.Mount, Base: vaulttest.Base}
	return k
}

// command returns a run of the program that has not started. The new key is its input.
func (k *killTest) command(ctx context.Context, address, tokenFile, key string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.CommandContext(ctx, k.binary, append(args, "--json", "--address", address, "--token-file", tokenFile)...)
	cmd.Stdin = strings.NewReader(key)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, io.Discard
	cmd.Env = []string{"HOME=" + filepath.Dir(k.binary)}
	return cmd, &out
}

// count runs a victim without faults, and returns how many requests it sends.
func (k *killTest) count(t *testing.T, v victim) int {
	t.Helper()
	proxy, _ := newProxy(t, nil)
	r := k.begin(t, v)
	cmd, out := r.command(t, proxy.URL())
	if err := cmd.Run(); err != nil {
		t.Fatalf("vaultkit %s without faults = %v, want success\n%s", v.name, err, out)
	}
	return len(proxy.Log())
}

// runOnce kills one run of the program, recovers, and checks the result.
func (k *killTest) runOnce(t *testing.T, proxy *faultproxy.Proxy, v victim, seed, requests int) {
	t.Helper()
	dice := rand.New(rand.NewPCG(uint64(seed), 0))
	r := k.begin(t, v)
	cmd, out := r.command(t, proxy.URL())
	release, started := make(chan struct{}), make(chan struct{})
	k.chooseFault(proxy, dice, requests, release, func() {
		<-started // the program may send its first request before Start returns
		_ = cmd.Process.Kill()
	})
	var rival sync.WaitGroup
	if dice.IntN(3) == 0 {
		r.hasRival = true
		rival.Go(func() { v.rival(r, t) })
	}
	err := cmd.Start()
	close(started)
	if err == nil {
		err = cmd.Wait()
	}
	response := r.responseOf("victim", out, err)
	r.killed = response.Status == faulttest.Died
	r.history.AddResponse(response)
	rival.Wait()
	switch dice.IntN(3) {
	case 0:
		k.recover(t, r.history, r.provider)
	case 1:
		again, out := r.command(t, vaulttest.Server().Addr())
		r.history.AddResponse(r.responseOf("rerun", out, again.Run()))
	}
	close(release)
	proxy.Wait()
	r.undelete(t)
	k.recover(t, r.history, r.provider)
	k.check(t, r, seed)
}

// chooseFault chooses at which request the program is killed, and how.
func (k *killTest) chooseFault(proxy *faultproxy.Proxy, dice *rand.Rand, requests int, release chan struct{}, kill func()) {
	n := 1 + dice.IntN(requests)
	how := []faultproxy.Action{faultproxy.Refuse().Before(kill), faultproxy.After(kill), faultproxy.Late(release).Before(kill)}[dice.IntN(3)]
	proxy.SetRule(faultproxy.At(n, how))
}

// newResponse returns what the program's exit code and output say.
func newResponse(who string, wants faulttest.Change, out *bytes.Buffer, err error) faulttest.Response {
	response := faulttest.Response{Actor: who, Wants: wants, Status: faulttest.Succeeded}
	var said vaultkit.Rotation
	if json.Unmarshal(out.Bytes(), &said) == nil {
		response.ID, response.NewVersion, response.Resumed = said.ID, said.NewVersion, said.Resumed
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		response.Err = exit.Error()
		switch exit.ExitCode() {
		case -1:
			response.Status = faulttest.Died
		case exitcode.Undetermined:
			response.Status = faulttest.Undetermined
		default:
			response.Status = faulttest.Failed
		}
	}
	return response
}

func (k *killTest) recover(t *testing.T, history *faulttest.History, provider string) {
	t.Helper()
	cmd, out := k.command(t.Context(), vaulttest.Server().Addr(), k.recoverer, "", "recover", provider)
	err := cmd.Run()
	var found []vaultkit.Resolution
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &found)
	}
	if err != nil {
		t.Fatalf("vaultkit recover %s --json = %v, want success", provider, err)
	}
	response := faulttest.Response{Actor: "recoverer", Status: faulttest.Succeeded, Found: map[string]string{}}
	for _, one := range found {
		response.Found[one.ID] = string(one.Outcome)
	}
	history.AddResponse(response)
}

// check compares the entries in Vault with the results of all runs. A second recover must
// change nothing.
func (k *killTest) check(t *testing.T, r *killRun, seed int) {
	t.Helper()
	found, err := r.history.CheckAtRest(t.Context())
	if err != nil {
		t.Fatalf("CheckAtRest() = %v, want no error", err)
	}
	before, err := k.observer.Read(t.Context(), r.provider)
	if err != nil {
		t.Fatalf("Read(%s) = %v, want no error", r.provider, err)
	}
	k.recover(t, r.history, r.provider)
	after, err := k.observer.Read(t.Context(), r.provider)
	if err != nil || !reflect.DeepEqual(before, after) {
		found = append(found, faulttest.Violation{Invariant: "I6", Why: fmt.Sprintf("recovering again changed something (%v)", err)})
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if r.killed {
		k.kills++
		if before.Current > r.version {
			k.rotated++
		}
		if r.api.called() {
			k.revoked++
		}
	}
	if r.hasRival {
		k.rivals++
	}
	if len(found) > 0 {
		k.violations++
		t.Errorf("vaultkit %s killed with seed %d: violations = %v, want none\n%s", r.victim.name, seed, found, r.history.Log())
	}
}
