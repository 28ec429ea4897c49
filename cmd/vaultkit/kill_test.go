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
	"goblin/vaultkit/internal/proof"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/internal/wire"
)

// killings is how often the program is killed; VAULTKIT_LONG=1 makes it ten times
// as often. Read before TestMain clears the environment.
var killings = map[bool]int{false: 200, true: 2000}[os.Getenv("VAULTKIT_LONG") == "1"]

// observerPolicy reads everything below the base path, and writes nothing.
const observerPolicy = `
path "secret/data/goblin-assistant/*" { capabilities = ["read"] }
path "secret/metadata/goblin-assistant/*" { capabilities = ["read", "list"] }
`

// The program is killed with SIGKILL at one of its requests, before or after Vault
// has applied it, or with the request still on its way, and every third time a
// rival rotates the same provider. Then recover runs. All under tokens that have no
// more than the generated policies.
func TestKilled(t *testing.T) {
	k := newKilling(t)
	requests := k.count(t)
	t.Run("", func(t *testing.T) { // returns when all have ended
		for seed := range killings {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				k.once(t, k.proxy(t), seed, requests)
			})
		}
	})
	fmt.Printf("%d kills at %d requests, %d with a rival: %d providers were rotated, %d violations\n",
		k.kills, requests, k.rivals, k.rotated, k.violations)
	if k.kills < killings*9/10 || k.rotated == 0 || k.rotated == k.kills {
		t.Errorf("%d of %d runs were killed, %d of them with the provider rotated", k.kills, killings, k.rotated)
	}
}

// killing is what all runs share.
type killing struct {
	binary             string
	rotator, recoverer string // files with tokens
	observer           *proof.Observer

	mu                                 sync.Mutex
	kills, rivals, rotated, violations int
}

func newKilling(t *testing.T) *killing {
	t.Helper()
	k := &killing{binary: filepath.Join(t.TempDir(), "vaultkit")}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", k.binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	k.rotator = file(t, vaulttest.Token(t, vaulttest.Policy(t, "../../", "rotator")))
	k.recoverer = file(t, vaulttest.Token(t, vaulttest.Policy(t, "../../", "recoverer")))
	client, err := api.NewClient(&api.Config{Address: vaulttest.Server().Addr()})
	if err != nil {
		t.Fatal(err)
	}
	client.SetToken(vaulttest.Token(t, observerPolicy))
	t.Cleanup(client.CloneConfig().HttpClient.CloseIdleConnections)
	k.observer = &proof.Observer{Client: client, Mount: vaulttest.Mount, Base: vaulttest.Base}
	return k
}

func (k *killing) proxy(t *testing.T) *wire.Proxy {
	t.Helper()
	proxy, err := wire.New(vaulttest.Server().Addr())
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

// count runs a rotation that nothing disturbs, login and all.
func (k *killing) count(t *testing.T) int {
	t.Helper()
	proxy, provider := k.proxy(t), vaulttest.Name(t)
	vaulttest.Put(t, "providers/"+provider, map[string]any{"api_key": newKey()})
	cmd, _ := k.command(t.Context(), proxy.URL(), k.rotator, newKey(), "rotate", provider, "--new-key-stdin")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return len(proxy.Log())
}

// once is one life and death of the program, and what comes after.
func (k *killing) once(t *testing.T, proxy *wire.Proxy, seed, requests int) {
	t.Helper()
	dice := rand.New(rand.NewPCG(uint64(seed), 0))
	provider, key := vaulttest.Name(t), newKey()
	first := map[string]any{"api_key": newKey(), "organization": "org"}
	witness := proof.NewWitness(k.observer, provider)
	witness.Wrote(vaulttest.Put(t, "providers/"+provider, first), first)

	cmd, out := k.command(t.Context(), proxy.URL(), k.rotator, key, "rotate", provider, "--new-key-stdin")
	release := make(chan struct{})
	k.sentence(proxy, dice, requests, release, func() { _ = cmd.Process.Kill() })
	var rival sync.WaitGroup
	if seed%3 == 0 {
		rival.Go(func() { witness.Told(k.rotate(t, vaulttest.Server().Addr(), "rival", provider, newKey())) })
	}
	claim := claimOf("victim", key, out, cmd.Run())
	witness.Told(claim)
	rival.Wait()
	if dice.IntN(2) == 0 {
		k.recover(t, witness, provider)
	}
	close(release)
	proxy.Wait()
	k.recover(t, witness, provider)
	k.judge(t, witness, provider, seed, claim.Verdict == proof.Died)
}

// sentence picks the request the program dies at, and how.
func (k *killing) sentence(proxy *wire.Proxy, dice *rand.Rand, requests int, release chan struct{}, kill func()) {
	n := 1 + dice.IntN(requests)
	how := []wire.Action{wire.Refuse().Before(kill), wire.After(kill), wire.Late(release).Before(kill)}[dice.IntN(3)]
	proxy.SetRule(wire.At(n, how))
}

func (k *killing) rotate(t *testing.T, address, who, provider, key string) proof.Claim {
	t.Helper()
	cmd, out := k.command(t.Context(), address, k.rotator, key, "rotate", provider, "--new-key-stdin")
	return claimOf(who, key, out, cmd.Run())
}

// claimOf is what the program's exit code and output say.
func claimOf(who, key string, out *bytes.Buffer, err error) proof.Claim {
	claim := proof.Claim{Who: who, Wants: proof.Change{Merge: map[string]any{"api_key": key}}, Verdict: proof.Succeeded}
	var said vaultkit.Rotation
	if json.Unmarshal(out.Bytes(), &said) == nil {
		claim.ID, claim.NewVersion, claim.Resumed = said.ID, said.NewVersion, said.Resumed
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		claim.Err = exit.Error()
		switch exit.ExitCode() {
		case -1:
			claim.Verdict = proof.Died
		case exitUndetermined:
			claim.Verdict = proof.Open
		default:
			claim.Verdict = proof.Failed
		}
	}
	return claim
}

func (k *killing) recover(t *testing.T, witness *proof.Witness, provider string) {
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
	claim := proof.Claim{Who: "recoverer", Verdict: proof.Succeeded, Found: map[string]string{}}
	for _, one := range found {
		claim.Found[one.ID] = string(one.Outcome)
	}
	witness.Told(claim)
}

// judge holds what Vault contains against what everybody was told. Recovering once
// more must change nothing.
func (k *killing) judge(t *testing.T, witness *proof.Witness, provider string, seed int, killed bool) {
	t.Helper()
	found, err := witness.CheckAtRest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before, err := k.observer.Look(t.Context(), provider)
	if err != nil {
		t.Fatal(err)
	}
	k.recover(t, witness, provider)
	after, err := k.observer.Look(t.Context(), provider)
	if err != nil || !reflect.DeepEqual(before, after) {
		found = append(found, proof.Violation{Invariant: "I6", Why: fmt.Sprintf("recovering again changed something (%v)", err)})
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if killed {
		k.kills++
		if before.Current > 1 {
			k.rotated++
		}
	}
	if seed%3 == 0 {
		k.rivals++
	}
	if len(found) > 0 {
		k.violations++
		t.Errorf("seed %d: %v\n%s", seed, found, witness.Story())
	}
}
