//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/command/revokeold"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// rotatedTwice returns a provider whose key was replaced twice.
func rotatedTwice(t *testing.T) (provider string) {
	t.Helper()
	provider, _, _, _ = rotated(t)
	vk(t, newKey(), "rotate", provider, "--new-key-stdin").ok(t)
	return provider
}

// If one command fails, the others still run, in the order of the rotations. The most serious
// failure decides the exit code.
func TestRevokeOldMany_ContinuesAfterAFailure(t *testing.T) {
	t.Parallel()
	first, second, nobody := rotatedTwice(t), rotatedTwice(t), vaulttest.Name(t)
	path := filepath.Join(t.TempDir(), "ran")
	line := `echo "$VAULTKIT_PROVIDER $VAULTKIT_ID" >>` + path + `; echo "$VAULTKIT_KEY"; case $VAULTKIT_ID in *-v1-*) [ $VAULTKIT_PROVIDER != ` + first + ` ];; esac`
	r := vkAs(t, role(t, "revoker"), "", "revoke-old", first, second, nobody, "--older-than", "1ms", "--cmd", line, "--reason", "nightly", "--json")
	r.exits(t, exitcode.NotFound, "2 of 5 revocations failed: "+nobody+", "+first)
	if strings.Contains(r.err, canary) {
		t.Errorf("vaultkit revoke-old: stderr = %q, want no key in it", r.err)
	}
	results := decode[[]revokeold.Result](t, r.out, true)
	for i, want := range []struct {
		provider, version string
		code              int
	}{
		{nobody, "", exitcode.NotFound}, {first, "-v1-", exitcode.Failure}, {first, "-v2-", 0}, {second, "-v1-", 0}, {second, "-v2-", 0},
	} {
		got := results[i]
		done := got.Revocation != nil && got.Revocation.Reason == "nightly" && !got.Revocation.RevokedAt.IsZero()
		if got.Provider != want.provider || !strings.Contains(got.ID, want.version) || got.ExitCode != want.code ||
			done != (want.code == 0) || (got.Error == nil) != (want.code == 0) || got.Skipped != nil {
			t.Errorf("result %d = %+v, want provider %s, version %s, exit code %d", i, got, want.provider, want.version, want.code)
		}
	}
	// A second run takes only what failed.
	r = vk(t, "", "revoke-old", first, second, "--older-than", "1ms", "--cmd", "exit 44")
	r.outHas(t, "Revoked the old keys of "+first+", version 1, id ")
	if out := r.ok(t); strings.Count(out, "\n") != 1 {
		t.Errorf("vaultkit revoke-old, run again, prints %q, want one line", out)
	}
}

// Keys wait until the current secret is old enough, also those that were replaced long before.
func TestRevokeOldMany_Waits(t *testing.T) {
	t.Parallel()
	provider := rotatedTwice(t)
	r := vk(t, "", "revoke-old", provider, "--older-than", "1h", "--cmd", "exit 1")
	r.outHas(t, "Skipped "+provider+", version 1, id ", "Skipped "+provider+", version 2, id ", ": waits until 20")
	r.ok(t)
	vk(t, "", "revoke-old", provider, "--older-than", "1ms", "--cmd", "exit 1", "--dry-run").
		shows(t, "Would revoke the old keys of "+provider+", version 1, id ")
	vk(t, "", "revoke-old", provider, "--older-than", "1ms", "--cmd", "true").ok(t) // the dry run has begun nothing
}

// A rollback is no failure of the job that revokes old keys.
func TestRevokeOldMany_KeepsAKeyInForce(t *testing.T) {
	t.Parallel()
	provider, before, _, _ := rotated(t)
	vk(t, "", "rollback", provider).ok(t)
	line := `[ "$VAULTKIT_KEY" != ` + before + ` ]`
	vk(t, "", "revoke-old", provider, "--older-than", "1ms", "--cmd", line).
		shows(t, "Skipped "+provider+", version 1, id ", "in force again, after a rollback", "Revoked the old keys of "+provider+", version 2, id ")
	holds(t, provider, before)

	// What somebody wrote around vaultkit is found by its value.
	other, key, _, _ := rotated(t)
	vaulttest.Put(t, "providers/"+other, map[string]any{"api_key": key})
	vk(t, "", "revoke-old", other, "--older-than", "1ms", "--cmd", "exit 0").
		exits(t, exitcode.Conflict, "1 of 1 revocations failed: "+other)
}

// What changes while the keys of others are revoked counts: a rollback and a rotation let a planned
// key wait anew, although it is not in force.
func TestRevokeOldMany_ChecksEachPlannedRotationAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(t *testing.T, provider string)
		says   string
	}{
		"a rollback and a rotation": {func(t *testing.T, provider string) {
			t.Helper()
			vk(t, "", "rollback", provider).ok(t)
			vk(t, newKey(), "rotate", provider, "--new-key-stdin").ok(t)
		}, "waits until 20"},
		"another revocation": {func(t *testing.T, provider string) {
			t.Helper()
			vk(t, "", "revoke-old", provider, "v1", "--cmd", "true").ok(t)
		}, "the keys are recorded as revoked"},
	} {
		for _, json := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, --json=%t", name, json), func(t *testing.T) {
				t.Parallel()
				first, _, _, _ := rotated(t)
				second, _, _, _ := rotated(t)
				through := proxy(t, faultproxy.OnMatch("PUT", first, faultproxy.Before(func() { test.change(t, second) })))
				path := filepath.Join(t.TempDir(), "ran")
				r := vkAt(t, inForceFrom(t, second).Add(time.Hour), append(through, "revoke-old", first, second, "--older-than", "1h",
					"--cmd", `echo "$VAULTKIT_PROVIDER" >>`+path, "--json="+strconv.FormatBool(json))...)
				r.exits(t, exitcode.OK)
				if ran, err := os.ReadFile(path); string(ran) != first+"\n" {
					t.Errorf("vaultkit revoke-old ran the command for %q, %v, want it for %s only", ran, err, first)
				}
				if !json {
					r.outHas(t, "Revoked the old keys of "+first+", version 1, id ", "Skipped "+second+", version 1, id ",
						": changed since the start: "+test.says)
					return
				}
				got := decode[[]revokeold.Result](t, r.out, true)[1]
				if got.Provider != second || got.Revocation != nil || got.Error != nil || got.Skipped == nil ||
					!strings.HasPrefix(*got.Skipped, "changed since the start: "+test.says) {
					t.Errorf("result of %s = %+v, want it skipped: %s", second, got, test.says)
				}
			})
		}
	}
}

// If a planned rotation cannot be checked again, its key is not revoked.
func TestRevokeOldMany_FailsIfARotationCannotBeCheckedAgain(t *testing.T) {
	t.Parallel()
	first, _, _, _ := rotated(t)
	second, _, _, _ := rotated(t)
	begun, refused := false, false
	through := proxy(t, func(r faultproxy.Request) faultproxy.Action {
		begun = begun || r.Method == "PUT" && strings.HasSuffix(r.Path, ".revoked")
		if begun && !refused && r.Method == "GET" && strings.Contains(r.Path, "/metadata/") && strings.Contains(r.Path, second) {
			refused = true
			return faultproxy.Error(400, `{"errors":["broken"]}`, false)
		}
		return faultproxy.Pass
	})
	path := filepath.Join(t.TempDir(), "ran")
	r := vkBare(t.Context(), t, "", append(through, "revoke-old", first, second, "--older-than", "1ms", "--cmd", `echo "$VAULTKIT_PROVIDER" >>`+path)...)
	r.exits(t, exitcode.Usage, "1 of 2 revocations failed: "+second)
	r.outHas(t, "Revoked the old keys of "+first, "Failed version 1 of "+second)
	if ran, err := os.ReadFile(path); string(ran) != first+"\n" {
		t.Errorf("vaultkit revoke-old ran the command for %q, %v, want it for %s only", ran, err, first)
	}
}

// A rotation that only added a field has no old key.
func TestRevokeOldMany_SkipsARotationThatReplacedNoKey(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	vk(t, "", "rotate", provider, "--set", "api_secret="+newKey(), "--add-field").ok(t)
	vk(t, "", "revoke-old", provider, "--older-than", "1ms", "--cmd", "exit 1").
		shows(t, "Skipped "+provider+", version 1, id ", ": it replaced no key\n")
}

// inForceFrom returns since when the provider's current secret is in force.
func inForceFrom(t *testing.T, provider string) time.Time {
	t.Helper()
	return decode[[]vaultkit.ProviderStatus](t, vk(t, "", "status", provider, "--json").ok(t), true)[0].InForceFrom
}

// vkAt is vkBare with another time.
func vkAt(t *testing.T, now time.Time, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	c := newCLI(terminal.Streams{In: strings.NewReader(""), Out: &out, Err: &err})
	c.Now = func() time.Time { return now }
	code := c.run(t.Context(), args)
	r := result{call: strings.Join(args, " "), code: code, out: out.String(), err: err.String()}
	r.printsNoSecret(t, r.out+r.err)
	return r
}

// A record that cannot be written decides the exit code, and the hint says what to do.
func TestRevokeOldMany_UndeterminedDecidesTheExitCode(t *testing.T) {
	t.Parallel()
	provider, other := rotatedTwice(t), vaulttest.Name(t)
	through := proxy(t, faultproxy.OnEvery("PUT", ".revoked",
		faultproxy.Error(403, `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}`, false)))
	r := vkBare(t.Context(), t, "", append(through, "revoke-old", other, provider, "--older-than", "1ms", "--cmd", "true")...)
	r.exits(t, exitcode.Undetermined, "3 of 3 revocations failed: "+other+", "+provider+"\n", "only their record is missing", "must exit with 44")
}

// A command that is stopped between two rotations has not revoked them all, and lists those that
// were not tried.
func TestRevokeOldMany_FailsIfStoppedBetweenRotations(t *testing.T) {
	t.Parallel()
	for _, json := range []bool{false, true} {
		t.Run(fmt.Sprintf("--json=%t", json), func(t *testing.T) {
			t.Parallel()
			provider, other := rotatedTwice(t), rotatedTwice(t)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			through := proxy(t, func(r faultproxy.Request) faultproxy.Action {
				if r.Method == "PUT" && strings.HasSuffix(r.Path, ".revoked") {
					stop() // the record is written in spite of it
				}
				return faultproxy.Pass
			})
			r := vkBare(ctx, t, "", append(through, "revoke-old", provider, other, "--older-than", "1ms", "--cmd", "true",
				"--json="+strconv.FormatBool(json))...)
			r.exits(t, exitcode.Failure, "1 of 4 revocations failed: "+provider)
			const notTried = "not tried: vaultkit was stopped"
			if !json {
				r.outHas(t, "Revoked the old keys of "+provider+", version 1, id ", "Failed version 2 of "+provider)
				for version := range 2 {
					has(t, "vaultkit revoke-old", r.out, fmt.Sprintf("Skipped %s, version %d, id ", other, version+1))
				}
				if strings.Count(r.out, notTried+"\n") != 2 {
					t.Errorf("vaultkit revoke-old prints %q, want %q twice", r.out, notTried)
				}
				return
			}
			results := decode[[]revokeold.Result](t, r.out, true)
			if len(results) != 4 || results[0].Revocation == nil || results[1].Error == nil {
				t.Fatalf("vaultkit revoke-old, stopped after the first of four rotations, prints %+v, want a revocation and an error first", results)
			}
			for _, got := range results[2:] {
				if got.Provider != other || got.Skipped == nil || *got.Skipped != notTried || got.Error != nil || got.ExitCode != 0 {
					t.Errorf("result of %s = %+v, want it skipped: %s", other, got, notTried)
				}
			}
		})
	}
}

// The time of --timeout is over while the first command runs.
func TestRevokeOldMany_ListsWhatATimeoutLeaves(t *testing.T) {
	t.Parallel()
	provider := rotatedTwice(t)
	r := vk(t, "", "revoke-old", provider, "--older-than", "1ms", "--cmd", "exec sleep 300", "--timeout", "2s")
	r.exits(t, exitcode.Failure, "1 of 2 revocations failed: "+provider, "may have revoked the keys")
	r.outHas(t, "Failed version 1 of "+provider, "Skipped "+provider+", version 2, id ", ": not tried: the time of --timeout was over\n")
}

// If the providers cannot be listed, a job that revokes nothing must not pass.
func TestRevokeOldMany_FailsWithoutTheRightToList(t *testing.T) {
	t.Parallel()
	nobody := vaulttest.Token(t, `path "secret/data/nothing" { capabilities = ["read"] }`)
	vkAs(t, nobody, "", "revoke-old", "--all", "--older-than", "1ms", "--cmd", "true").
		want(t, exitcode.Denied, "permission denied")
}

// Without any provider, a job with a wrong base path must not pass.
func TestRevokeOldMany_WithoutProvidersFails(t *testing.T) {
	t.Parallel()
	vk(t, "", "revoke-old", "--all", "--older-than", "1ms", "--cmd", "true", "--base", vaulttest.Name(t)).
		exits(t, exitcode.NotFound, "no provider has a secret at")
}
