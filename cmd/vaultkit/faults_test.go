package main

import (
	"context"
	"strings"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// commits matches the one request that commits a rotation.
const commits = "/data/goblin-assistant/providers/"

// proxy starts a proxy in front of the package's Vault, and returns the flags to use it.
func proxy(t *testing.T, rule faultproxy.Rule) []string {
	t.Helper()
	_, flags := newProxy(t, rule)
	return flags
}

func newProxy(t *testing.T, rule faultproxy.Rule) (started *faultproxy.Proxy, flags []string) {
	t.Helper()
	p, err := faultproxy.New(vaulttest.Server().Addr())
	if err != nil {
		t.Fatalf("faultproxy.New() = %v, want no error", err)
	}
	p.SetRule(rule)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("p.Close() = %v, want no error", err)
		}
	})
	return p, []string{"--address", p.URL(), "--token-file", file(t, vaulttest.Server().RootToken())}
}

// recovers checks the outcome that recover finds, and that the hint of the rotation has its
// id and the command.
func recovers(t *testing.T, provider string, r result, outcome vaultkit.Outcome) {
	t.Helper()
	found := decode[[]vaultkit.Resolution](t, vk(t, "", "recover", provider, "--json").ok(t), true)
	if len(found) != 1 || found[0].Outcome != outcome {
		t.Fatalf("vaultkit recover %s --json = %+v, want one rotation, %s", provider, found, outcome)
	}
	r.errHas(t, found[0].ID, "vaultkit recover "+provider+" --address http")
}

func TestRotate_UndeterminedAndNotApplied(t *testing.T) {
	t.Parallel()
	provider, key := stored(t)
	through := proxy(t, faultproxy.OnEvery("PUT", commits, faultproxy.Hang()))
	r := vkBare(t.Context(), t, newKey(), append(through, "rotate", provider, "--new-key-stdin", "--timeout", "2s")...)
	r.want(t, exitcode.Undetermined, "not known yet")
	recovers(t, provider, r, vaultkit.OutcomeUndecided)
	vk(t, "", "recover", provider).shows(t, "undecided", "run it again, or close it with vaultkit abort")
	holds(t, provider, key)
	// A later rotation still works.
	vk(t, newKey(), "rotate", provider, "--new-key-stdin").ok(t)
}

func TestRotate_UndeterminedAndApplied(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	next := newKey()
	through := proxy(t, faultproxy.OnEvery("PUT", commits, faultproxy.HangApplied()))
	r := vkBare(t.Context(), t, next, append(through, "rotate", provider, "--new-key-stdin", "--timeout", "2s", "--json")...)
	r.exits(t, exitcode.Undetermined, "not known yet")
	open := decode[map[string]any](t, r.out, true)
	hasKeys(t, "vaultkit rotate --json", open, "id outcome provider")
	if open["outcome"] != "undetermined" || !strings.Contains(r.err, open["id"].(string)) {
		t.Errorf("vaultkit rotate --json prints %s, want the outcome undetermined and the id on stderr", r.out)
	}
	recovers(t, provider, r, vaultkit.OutcomeCommitted)
	holds(t, provider, next)
}

func TestRotate_WithoutRecordIsUndetermined(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	next := newKey()
	through := proxy(t, faultproxy.OnEvery("PUT", "/data/goblin-assistant/rotations/",
		faultproxy.Error(403, `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}`, false)))
	r := vkBare(t.Context(), t, next, append(through, "rotate", provider, "--new-key-stdin", "--json")...)
	r.exits(t, exitcode.Undetermined, "is committed, version 1 -> 2", "only its audit record is missing")
	if got := decode[vaultkit.Rotation](t, r.out, true); got.Outcome != vaultkit.OutcomeCommitted || got.NewVersion != 2 {
		t.Errorf("vaultkit rotate --json = %+v, want it committed, version 2", got)
	}
	holds(t, provider, next)
	recovers(t, provider, r, vaultkit.OutcomeCommitted)
}

// The exit code after Ctrl-C depends on which requests were sent.
func TestRotate_Interrupted(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		method, path string
		action       faultproxy.Action
		code         int
		says         string
	}{
		"before the commit": {"PUT", "/data/goblin-assistant/backups/", faultproxy.Hang(), exitcode.Failure, "has not changed"},
		"at the commit":     {"PUT", commits, faultproxy.Hang(), exitcode.Undetermined, "not known yet"},
		"after the commit":  {"PUT", "/data/goblin-assistant/rotations/", faultproxy.Pass, exitcode.OK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			provider, key := stored(t)
			next := newKey()
			through := proxy(t, faultproxy.OnMatch(tc.method, tc.path, tc.action.Before(interrupt)))
			vkBare(ctx, t, next, append(through, "rotate", provider, "--new-key-stdin")...).want(t, tc.code, tc.says)
			if tc.code == exitcode.OK {
				key = next
			}
			holds(t, provider, key)
		})
	}
}

func TestGet_Interrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	provider, _ := stored(t)
	through := proxy(t, faultproxy.OnMatch("GET", commits, faultproxy.Hang().Before(interrupt)))
	vkBare(ctx, t, "", append([]string{"get", provider}, through...)...).want(t, exitcode.Failure, "cancel")
}

// Ctrl-C during the write is undetermined, with a hint how to find out. Before the write,
// nothing is stored.
func TestPut_InterruptedIsUndetermined(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		action faultproxy.Action
		found  int
	}{
		"not applied": {faultproxy.Hang(), exitcode.NotFound},
		"applied":     {faultproxy.HangApplied(), exitcode.OK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			provider := vaulttest.Name(t)
			between, through := newProxy(t, faultproxy.OnMatch("PUT", commits, tc.action.Before(interrupt)))
			r := vkBare(ctx, t, "", append(through, "put", provider, "api_key="+newKey())...)
			between.Wait() // the server may apply the write after the command has ended
			r.exits(t, exitcode.Undetermined, "not known yet", "vaultkit status "+provider+" --address http")
			vk(t, "", "status", provider).exits(t, tc.found)

			other := vaulttest.Name(t)
			vkBare(ctx, t, "", append(through, "put", other, "api_key="+newKey())...).exits(t, exitcode.Failure, "before anything was stored")
			vk(t, "", "status", other).exits(t, exitcode.NotFound)
		})
	}
}

func TestConflict(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	rival := newKey()
	through := proxy(t, faultproxy.OnMatch("PUT", commits, faultproxy.Before(func() {
		vaulttest.Put(t, "providers/"+provider, map[string]any{"api_key": rival})
	})))
	vkBare(t.Context(), t, newKey(), append(through, "rotate", provider, "--new-key-stdin")...).want(t, exitcode.Conflict, "another write")
	holds(t, provider, rival)
	vk(t, "", "history", provider).shows(t, "aborted")
}
