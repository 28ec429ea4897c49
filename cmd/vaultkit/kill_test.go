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
	"goblin/vaultkit/internal/vaulttest"
)

// killings is how often the program is killed; VAULTKIT_LONG=1 makes it ten times
// as often. Read before TestMain clears the environment.
var killings = map[bool]int{false: 200, true: 2000}[os.Getenv("VAULTKIT_LONG") == "1"]

// observerPolicy reads everything below the base path, and writes nothing but that a
// deleted version can be read again.
const observerPolicy = `
path "secret/data/goblin-assistant/*" { capabilities = ["read"] }
path "secret/metadata/goblin-assistant/*" { capabilities = ["read", "list"] }
path "secret/undelete/goblin-assistant/providers/+" { capabilities = ["update"] }
`

// The program is killed with SIGKILL at one of its requests, before or after Vault
// has applied it, or with the request still on its way, while it rotates, revokes old
// keys or restores a deleted version, and every third time a rival is at work. Then
// recover runs. All under tokens that have no more than the generated policies.
func TestKilled(t *testing.T) {
	k := newKilling(t)
	requests := make([]int, len(victims))
	for i, victim := range victims {
		requests[i] = k.count(t, victim)
	}
	t.Run("", func(t *testing.T) { // returns when all have ended
		for seed := range killings {
			i := seed % len(victims)
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				k.once(t, k.proxy(t), victims[i], seed, requests[i])
			})
		}
	})
	fmt.Printf("%d kills at %d requests, %d with a rival: %d providers were rotated, %d keys revoked, %d violations\n",
		k.kills, requests, k.rivals, k.rotated, k.revoked, k.violations)
	if k.kills < killings*9/10 || k.rotated == 0 || k.rotated == k.kills || k.revoked == 0 {
		t.Errorf("%d of %d runs were killed, %d of them with the provider rotated, %d with its keys revoked", k.kills, killings, k.rotated, k.revoked)
	}
}

// killing is what all runs share.
type killing struct {
	binary                      string
	rotator, recoverer, revoker string // files with tokens
	observer                    *faulttest.Observer

	mu                                          sync.Mutex
	kills, rivals, rotated, revoked, violations int
}

func newKilling(t *testing.T) *killing {
	t.Helper()
	k := &killing{binary: filepath.Join(t.TempDir(), "vaultkit")}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", k.binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	k.rotator = file(t, vaulttest.Token(t, vaulttest.Policy(t, "../../", "rotator")))
	k.recoverer = file(t, vaulttest.Token(t, vaulttest.Policy(t, "../../", "recoverer")))
	k.revoker = file(t, vaulttest.Token(t, vaulttest.Policy(t, "../../", "revoker")))
	client, err := api.NewClient(&api.Config{Address: vaulttest.Server().Addr()})
	if err != nil {
		t.Fatal(err)
	}
	client.SetToken(vaulttest.Token(t, observerPolicy))
	t.Cleanup(client.CloneConfig().HttpClient.CloseIdleConnections)
	k.observer = &faulttest.Observer{Client: client, Mount: vaulttest.Mount, Base: vaulttest.Base}
	return k
}

func (k *killing) proxy(t *testing.T) *faultproxy.Proxy {
	t.Helper()
	proxy, err := faultproxy.New(vaulttest.Server().Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			t.Error(err)
		}
	})
	return proxy
}

// command is the program, about to run; the new key comes by standard input.
func (k *killing) command(ctx context.Context, address, tokenFile, key string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.CommandContext(ctx, k.binary, append(args, "--json", "--address", address, "--token-file", tokenFile)...)
	cmd.Stdin = strings.NewReader(key)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, io.Discard
	cmd.Env = []string{"HOME=" + filepath.Dir(k.binary)}
	return cmd, &out
}

// count runs a victim that nothing disturbs, login and all.
func (k *killing) count(t *testing.T, v victim) int {
	t.Helper()
	proxy, l := k.proxy(t), k.begin(t, v)
	cmd, out := l.command(t, proxy.URL())
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", v.name, err, out)
	}
	return len(proxy.Log())
}

// once is one life and death of the program, and what comes after.
func (k *killing) once(t *testing.T, proxy *faultproxy.Proxy, v victim, seed, requests int) {
	t.Helper()
	dice := rand.New(rand.NewPCG(uint64(seed), 0))
	l := k.begin(t, v)
	cmd, out := l.command(t, proxy.URL())
	release, started := make(chan struct{}), make(chan struct{})
	k.sentence(proxy, dice, requests, release, func() {
		<-started // the program may send its first request before Start returns
		_ = cmd.Process.Kill()
	})
	var rival sync.WaitGroup
	if dice.IntN(3) == 0 {
		l.contested = true
		rival.Go(func() { v.rival(l, t) })
	}
	err := cmd.Start()
	close(started)
	if err == nil {
		err = cmd.Wait()
	}
	response := l.told("victim", out, err)
	l.killed = response.Status == faulttest.Died
	l.history.AddResponse(response)
	rival.Wait()
	switch dice.IntN(3) {
	case 0:
		k.recover(t, l.history, l.provider)
	case 1:
		again, out := l.command(t, vaulttest.Server().Addr())
		l.history.AddResponse(l.told("rerun", out, again.Run()))
	}
	close(release)
	proxy.Wait()
	l.undelete(t)
	k.recover(t, l.history, l.provider)
	k.judge(t, l, seed)
}

// sentence picks the request the program dies at, and how.
func (k *killing) sentence(proxy *faultproxy.Proxy, dice *rand.Rand, requests int, release chan struct{}, kill func()) {
	n := 1 + dice.IntN(requests)
	how := []faultproxy.Action{faultproxy.Refuse().Before(kill), faultproxy.After(kill), faultproxy.Late(release).Before(kill)}[dice.IntN(3)]
	proxy.SetRule(faultproxy.At(n, how))
}

// responseOf returns the response that the program's exit code and output report.
func responseOf(who string, wants faulttest.Change, out *bytes.Buffer, err error) faulttest.Response {
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

func (k *killing) recover(t *testing.T, history *faulttest.History, provider string) {
	t.Helper()
	cmd, out := k.command(t.Context(), vaulttest.Server().Addr(), k.recoverer, "", "recover", provider)
	err := cmd.Run()
	var found []vaultkit.Resolution
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &found)
	}
	if err != nil {
		t.Fatalf("recover: %v", err)
	}
	response := faulttest.Response{Actor: "recoverer", Status: faulttest.Succeeded, Found: map[string]string{}}
	for _, one := range found {
		response.Found[one.ID] = string(one.Outcome)
	}
	history.AddResponse(response)
}

// judge holds what Vault contains against what everybody was told. Recovering once
// more must change nothing.
func (k *killing) judge(t *testing.T, l *life, seed int) {
	t.Helper()
	found, err := l.history.CheckAtRest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before, err := k.observer.Read(t.Context(), l.provider)
	if err != nil {
		t.Fatal(err)
	}
	k.recover(t, l.history, l.provider)
	after, err := k.observer.Read(t.Context(), l.provider)
	if err != nil || !reflect.DeepEqual(before, after) {
		found = append(found, faulttest.Violation{Invariant: "I6", Why: fmt.Sprintf("recovering again changed something (%v)", err)})
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if l.killed {
		k.kills++
		if before.Current > l.version {
			k.rotated++
		}
		if l.api.asked() {
			k.revoked++
		}
	}
	if l.contested {
		k.rivals++
	}
	if len(found) > 0 {
		k.violations++
		t.Errorf("%s, seed %d: %v\n%s", l.victim.name, seed, found, l.history.Log())
	}
}
