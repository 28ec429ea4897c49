package main

import (
	"os"
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/vaulttest"
)

// onFullDisk runs the CLI with its stdout on a full disk.
func onFullDisk(t testing.TB, stdin string, args ...string) result {
	t.Helper()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatalf("os.OpenFile() = %v, want no error", err)
	}
	defer full.Close()
	return vkTo(t.Context(), t, full, stdin, append(args, connect(t, vaulttest.Server().RootToken())...)...)
}

// If a result cannot be printed, the error says what was done.
func TestOutputError_SaysWhatIsDone(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{nil, {"--json"}} {
		works := func(stdin, says string, args ...string) {
			t.Helper()
			r := onFullDisk(t, stdin, append(args, flags...)...)
			r.want(t, exitcode.Failure, says, "; only printing that failed: ", "no space left on device")
		}
		provider, before := stored(t)
		after := newKey()
		works(after, "the change of "+provider+" is committed and in force, version 1 -> 2, id 20", "rotate", provider, "--new-key-stdin")
		holds(t, provider, after)
		works(after, "the change of "+provider+" is committed and in force, version 1 -> 2, id 20", "rotate", provider, "--new-key-stdin")
		works("", "the change of "+provider+" is committed and in force, version 2 -> 3, id 20", "rollback", provider)
		holds(t, provider, before)

		provider, _, _, id := rotated(t)
		works("", "the keys are revoked, and the record is written", "revoke-old", provider, id, "--cmd", "exit 0")
		vk(t, "", "revoke-old", provider, id, "--cmd", "exit 1").shows(t, "already recorded as revoked")

		provider, key, id := undecided(t)
		works("", "the outcomes that are certain are recorded, and no secret was changed", "recover", provider)
		holds(t, provider, key)
		works("", "the rotation is closed and has its record", "abort", provider, id)
		vk(t, "", "history", provider).shows(t, "aborted", id)

		name, key := vaulttest.Name(t), newKey()
		works(key, name+" is stored, version 1", "put", name, "api_key=-")
		holds(t, name, key)
	}
}

// The error names the providers that were rotated, and none in a dry run.
func TestOutputError_NamesTheRotatedProviders(t *testing.T) {
	t.Parallel()
	providers, nobody := several(t, 2), vaulttest.Name(t)
	for _, flags := range [][]string{nil, {"--json"}} {
		args := append([]string{"rotate", "--auto", providers[0], nobody, providers[1]}, flags...)
		onFullDisk(t, "", args...).want(t, exitcode.NotFound,
			"committed and in force: "+strings.Join(providers,
				", ")+"; only printing that failed: ", "no space left", "1 of 3 rotations failed: "+nobody)
		plan := onFullDisk(t, "", append(args, "--dry-run")...)
		plan.want(t, exitcode.NotFound, "no space left", "1 of 3 rotations failed")
		if strings.Contains(plan.err, "committed") {
			t.Errorf("vaultkit %s: stderr = %q, want nothing reported as committed", plan.call, plan.err)
		}
	}
	for provider, versions := range map[string]string{providers[0]: "2 -> 3", providers[1]: "2 -> 3"} {
		vk(t, "", "history", provider).shows(t, "1 -> 2", versions)
	}
}

// revoke-old goes on if a result cannot be printed, and the error names what is revoked.
func TestOutputError_NamesTheRevokedVersions(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{nil, {"--json"}} {
		first, second := rotatedTwice(t), rotatedTwice(t)
		args := append([]string{"revoke-old", first, second, "--older-than", "1ms", "--cmd", "true"}, flags...)
		plan := onFullDisk(t, "", append(args, "--dry-run")...)
		if plan.want(t, exitcode.Failure, "no space left"); strings.Contains(plan.err, "revoked of") {
			t.Errorf("vaultkit %s: stderr = %q, want nothing reported as revoked", plan.call, plan.err)
		}
		done := []string{first + " version 1", first + " version 2", second + " version 1", second + " version 2"}
		onFullDisk(t, "", args...).want(t, exitcode.Failure,
			"the old keys are revoked of "+strings.Join(done, ", ")+"; only printing that failed: ", "no space left")
		again := vk(t, "", args...)
		if again.ok(t); flags == nil {
			again.errHas(t, "Nothing to revoke")
		} else if again.out != "[]\n" {
			t.Errorf("vaultkit %s, run again, prints %q, want an empty array", again.call, again.out)
		}
	}
}

// After a dry run or a failure, the error does not say that anything was done.
func TestOutputError_SaysNothingOfADryRun(t *testing.T) {
	t.Parallel()
	provider, key := stored(t)
	for _, args := range [][]string{{"--dry-run"}, {"--verify-cmd", "exit 1"}} {
		r := onFullDisk(t, newKey(), append([]string{"rotate", provider, "--new-key-stdin"}, args...)...)
		r.want(t, exitcode.Failure)
		if strings.Contains(r.err, "in force, ") || strings.Contains(r.err, "only printing") {
			t.Errorf("vaultkit %s: stderr = %q, want nothing reported as in force", r.call, r.err)
		}
	}
	holds(t, provider, key)
}
