//go:build unix

package main

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

const revocationKeys = "actor already_gone begun_at fields fingerprints id provider reason revoked_at schema"

func TestRevokeOld(t *testing.T) {
	t.Parallel()
	provider, before, _, id := rotated(t)
	revoking, path := role(t, "revoker"), filepath.Join(t.TempDir(), "env")
	args := []string{"revoke-old", provider, id, "--cmd", `echo "revoking $VAULTKIT_KEY"; env >` + path, "--actor", "me", "--reason", "why"}
	r := vkAs(t, revoking, "", append(args, "--json")...)
	got := decode[vaultkit.Revocation](t, r.ok(t), true)
	if got.ID != id || got.AlreadyGone || strings.Join(got.Fields, " ") != "api_key" || got.Actor != "me" || got.Reason != "why" {
		t.Errorf("vaultkit revoke-old --json = %+v, want api_key of %s revoked now, by me, with the reason why", got, id)
	}
	hasKeys(t, "vaultkit revoke-old --json", decode[map[string]any](t, r.out, true), revocationKeys)
	if r.err != "revoking [masked]\n" {
		t.Errorf("vaultkit revoke-old: stderr = %q, want %q", r.err, "revoking [masked]\n")
	}
	want := map[string]string{
		"VAULTKIT_PROVIDER": provider, "VAULTKIT_ID": id, "VAULTKIT_KEY": before, "VAULTKIT_FIELD_API_KEY": before,
	}
	if got := ours(noted(t, path)); !maps.Equal(got, want) {
		t.Errorf("variables of the revoke command = %v, want %v", got, want)
	}

	// With the record, the command does not run again.
	if err := os.Remove(path); err != nil {
		t.Fatalf("os.Remove() = %v, want no error", err)
	}
	vkAs(t, revoking, "", args...).shows(t, "already recorded as revoked; the command did not run", id, "api_key", "me", "why")
	if _, err := os.Stat(path); err == nil {
		t.Error("vaultkit revoke-old, run again, ran the revoke command, want it not run")
	}
	showsRevocation(t, provider)
}

// showsRevocation checks that history shows the revocation, and that rollback restores the
// key only with --allow-revoked.
func showsRevocation(t *testing.T, provider string) {
	t.Helper()
	out := vk(t, "", "history", provider, "--json").ok(t)
	record := decode[[]vaultkit.Record](t, out, true)[0]
	if record.Revocation == nil || record.Revocation.RevokedAt.IsZero() {
		t.Fatalf("vaultkit history --json prints %s, want the time of the revocation in it", out)
	}
	revocation := decode[[]map[string]any](t, out, true)[0]["revocation"].(map[string]any)
	hasKeys(t, "revocation in vaultkit history --json", revocation, revocationKeys)
	vk(t, "", "history", provider).shows(t, "\t"+render.When(record.Revocation.RevokedAt)+"\t")
	refused := vk(t, "", "rollback", provider)
	refused.want(t, exitcode.Usage, "the backup v1 holds a key that was revoked at", "(rotation v1)", "add --allow-revoked")
	if strings.Contains(refused.err, "--to") || strings.Contains(refused.err, "failed") {
		t.Errorf("vaultkit rollback: stderr = %q, want no advice to use --to, and nothing of a failure", refused.err)
	}
	vk(t, "", "rollback", provider, "--allow-revoked").shows(t, "Rolled back "+provider, "2 -> 3")
}

func TestRevokeOldStatus(t *testing.T) {
	t.Parallel()
	provider, _, _, id := rotated(t)
	for command, says := range map[string]string{
		"exit 1":                      "the revoke command exited with status 1",
		"exit 4":                      "the revoke command exited with status 4", // wget: the network failed
		`echo "$VAULTKIT_KEY"; false`: "[masked]\nvaultkit: ",
	} {
		vk(t, "", "revoke-old", provider, id, "--cmd", command).exits(t, exitcode.Failure, says, "the revoker of the old keys failed")
	}
	record := decode[[]vaultkit.Record](t, vk(t, "", "history", provider, "--json").ok(t), true)[0]
	if record.Revocation == nil || !record.Revocation.RevokedAt.IsZero() {
		t.Errorf("vaultkit history --json: revocation = %+v, want it begun and not done", record.Revocation)
	}
	vk(t, "", "revoke-old", provider, id, "--cmd", "exit 44").shows(t, "were already revoked", flagtype.DefaultActor())
	r := vk(t, "", "revoke-old", provider, id, "--cmd", "false", "--json")
	if !decode[vaultkit.Revocation](t, r.ok(t), true).AlreadyGone {
		t.Errorf("vaultkit revoke-old --json prints %s, want already_gone", r.out)
	}
}

func TestRevokeOldRefuses(t *testing.T) {
	t.Parallel()
	provider, _, _, id := rotated(t)
	undone, _, _, undoneID := rotated(t)
	vk(t, "", "rollback", undone).ok(t)
	path := filepath.Join(t.TempDir(), "ran")
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no command":       {[]string{provider, id}, exitcode.Usage, "needs --cmd"},
		"an empty command": {[]string{provider, id, "--cmd", ""}, exitcode.Usage, "--cmd is empty"},
		"no id":            {[]string{provider, "--cmd", "touch " + path}, exitcode.Usage, "needs one PROVIDER and one ID"},
		"an odd id":        {[]string{provider, "nonsense", "--cmd", "touch " + path}, exitcode.Usage, "rotation id"},
		"an odd actor":     {[]string{provider, id, "--cmd", "touch " + path, "--actor", "a\nb"}, exitcode.Usage, "actor"},
		"--dry-run of one": {[]string{provider, id, "--cmd", "touch " + path, "--dry-run"}, exitcode.Usage, "--dry-run needs --older-than"},
		"--yes for one":    {[]string{provider, id, "--cmd", "touch " + path, "--yes"}, exitcode.Usage, "--yes needs --older-than"},
		"--all for one":    {[]string{provider, id, "--cmd", "touch " + path, "--all"}, exitcode.Usage, "--all needs --older-than"},
		"another's id":     {[]string{undone, id, "--cmd", "touch " + path}, exitcode.NotFound, "no such backup"},
		"in force again": {[]string{undone, undoneID, "--cmd", "touch " + path}, exitcode.Conflict,
			`the old key of the field "api_key" and the field "api_key" of the current version are the same`},
	} {
		t.Run(name, func(t *testing.T) {
			vk(t, "", append([]string{"revoke-old"}, tc.args...)...).want(t, tc.code, tc.says)
		})
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("vaultkit revoke-old ran the command, want it refused")
	}
}

// A command that cannot run would leave a revocation that has begun, so it is refused before Vault
// is asked.
func TestRevokeOld_RefusesAMissingProgramBeforeTheFirstRequest(t *testing.T) {
	t.Parallel()
	p, through := newProxy(t, func(faultproxy.Request) faultproxy.Action { return faultproxy.Pass })
	missing, data := filepath.Join(t.TempDir(), "revoke-key.sh"), file(t, "not executable")
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"one rotation":   {[]string{"p", "v1", "--cmd", missing}, 127, "--cmd: " + missing + ": the command was not started: there is no such command"},
		"many rotations": {[]string{"--all", "--older-than", "24h", "--cmd", missing + " now"}, 127, "there is no such command"},
		"a dry run":      {[]string{"--all", "--older-than", "24h", "--dry-run", "--cmd", missing}, 127, "there is no such command"},
		"not executable": {[]string{"p", "v1", "--cmd", data}, 126, "--cmd: " + data + ": the command was not started: no permission to run it"},
	} {
		t.Run(name, func(t *testing.T) {
			vkBare(t.Context(), t, "", append(through, append([]string{"revoke-old"}, tc.args...)...)...).want(t, tc.code, tc.says)
		})
	}
	if got := p.Log(); len(got) != 0 {
		t.Errorf("vaultkit revoke-old with a missing program sends %v, want no request", got)
	}
}

// If the keys are revoked and the record cannot be written, a second run writes it.
func TestRevokeOld_WithoutRecordIsUndetermined(t *testing.T) {
	t.Parallel()
	provider, _, _, id := rotated(t)
	through := proxy(t, faultproxy.OnEvery("PUT", ".revoked",
		faultproxy.Error(403, `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}`, false)))
	r := vkBare(t.Context(), t, "", append(through, "revoke-old", provider, id, "--cmd", "true")...)
	r.want(t, exitcode.Undetermined, "only their record is missing", "must exit with 44")
	vk(t, "", "revoke-old", provider, id, "--cmd", "exit 44").ok(t)
}

// A command that is stopped may have revoked the keys.
func TestRevokeOld_StoppedSaysThatTheKeysMayBeRevoked(t *testing.T) {
	t.Parallel()
	for name, timeout := range map[string]string{"Ctrl-C": "1m", "timeout": "2s"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			provider, _, _, id := rotated(t)
			before := vaulttest.Look(t, "providers/"+provider)
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			line := newLifeline(t)
			go func() {
				if <-line.opened; timeout == "1m" {
					interrupt()
				}
			}()
			command := "exec 9>" + line.path + "; sleep 300 & wait"
			args := append(connect(t, vaulttest.Server().RootToken()), "revoke-old", provider, id, "--cmd", command, "--timeout", timeout)
			vkBare(ctx, t, "", args...).want(t, exitcode.Failure, "the revoke command was stopped", "may have revoked the keys")
			<-line.gone // hangs if a process is left
			if after := vaulttest.Look(t, "providers/"+provider); !reflect.DeepEqual(before, after) {
				t.Errorf("after vaultkit revoke-old was stopped, the provider is %v, want no change: %v", after, before)
			}
			// The key may be revoked, so rollback refuses it.
			vk(t, "", "rollback", provider).want(t, exitcode.Conflict, "is being revoked", "--allow-revoked")
		})
	}
}

// If the command could not start, the key is not revoked, and rotate accepts it again.
func TestRevokeOld_WithdrawsIfTheCommandCannotStart(t *testing.T) {
	t.Parallel()
	provider, old := vaulttest.Name(t), newKey()
	vaulttest.Put(t, "providers/"+provider, map[string]any{"api_key": old, "api-key": newKey()})
	rotated := vk(t, "", "rotate", provider, "--set", "api_key="+newKey(), "--set", "api-key="+newKey(), "--json").ok(t)
	var rotation struct{ ID string }
	if err := json.Unmarshal([]byte(rotated), &rotation); err != nil {
		t.Fatalf("decoding the output of vaultkit rotate --json = %v, want no error", err)
	}
	vk(t, "", "revoke-old", provider, rotation.ID, "--cmd", "true").want(t, exitcode.Usage, "VAULTKIT_FIELD_API_KEY",
		"the provider's API was not called")
	vk(t, "", "rotate", provider, "--set", "api_key="+old).ok(t)
}
