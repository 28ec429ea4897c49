package main

import (
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/internal/vaulttest"
)

// The JSON keys of a record and of a rotation in which no value is empty.
const (
	recordKeys   = "actor backup committed_at evidence expires_at fields_changed id new_version old_version outcome provider reason recorded_at schema source started_at vault_request_ids"
	rotationKeys = "actor backup committed_at evidence expires_at fields_changed id new_version old_version outcome pending provider reason recorded_at resumed schema source started_at vault_request_ids warnings"
)

func TestRotateJSON(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	key := newKey()
	out := vk(t, key, "rotate", "--provider", provider, "--new-key-stdin", "--json",
		"--reason", "quarterly", "--actor", "somebody", "--expires-in", "90d").ok(t)
	holds(t, provider, key)
	hasKeys(t, "vaultkit rotate --json", decode[map[string]any](t, out, true), rotationKeys)
	r := decode[vaultkit.Rotation](t, out, true)
	if r.Outcome != vaultkit.OutcomeCommitted || r.OldVersion != 1 || r.NewVersion != 2 || r.Actor != "somebody" || r.Reason != "quarterly" {
		t.Errorf("vaultkit rotate --json prints %s, want version 1 -> 2 committed, with the actor and the reason", out)
	}
	if left := time.Until(r.ExpiresAt); left < 89*24*time.Hour || left > 90*24*time.Hour {
		t.Errorf("vaultkit rotate --expires-in 90d: the key expires in %s, want 90 days", left)
	}
	has(t, "vaultkit rotate --json", out, `"pending": []`, `"warnings": []`)
	for _, moment := range []time.Time{r.StartedAt, r.CommittedAt, r.RecordedAt, r.ExpiresAt} {
		if moment.Location() != time.UTC {
			t.Errorf("vaultkit rotate --json: time = %s, want UTC", moment)
		}
	}
}

func TestRotateForPeople(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	key := newKey()
	args := []string{"rotate", provider, "--new-key", key, "--reason", "seed"}
	r := vk(t, "", args...)
	r.shows(t, "Rotated "+provider, "1 -> 2", "api_key", "seed", flagtype.DefaultActor(), "backup")
	r.errHas(t, "warning", "--new-key")
	holds(t, provider, key)
	// The same rotation again reports that it is already done.
	vk(t, "", args...).shows(t, "part or all of this change")
	vaulttest.Put(t, "providers/"+provider, map[string]any{"api_key": key})
	vk(t, "", args...).want(t, exitcode.NoChange)
}

func TestRotateDryRun(t *testing.T) {
	t.Parallel()
	provider, key := stored(t)
	before := len(vaulttest.Snapshot(t, provider))
	plan := vk(t, newKey(), "rotate", provider, "--new-key-stdin", "--dry-run", "--reason", "why", "--expires-in", "1d")
	plan.shows(t, "nothing was written", "from version 1 to 2", "changed", "api_key", "secret/goblin-assistant/backups/"+provider+"/20",
		"secret/goblin-assistant/rotations/"+provider+"/20", "no: neither --verify nor --verify-cmd is given", "why", flagtype.DefaultActor(), "key expires")
	vk(t, newKey(), "rotate", provider, "--auto", "--dry-run").shows(t, "-v1-<fingerprint of the key>")
	r := decode[vaultkit.Rotation](t, vk(t, newKey(), "rotate", provider, "--new-key-stdin", "--dry-run", "--json").ok(t), true)
	if r.Outcome != "" || r.OldVersion != 1 {
		t.Errorf("vaultkit rotate --dry-run --json = %+v, want old version 1 and no outcome", r)
	}
	if after := len(vaulttest.Snapshot(t, provider)); after != before {
		t.Errorf("vaultkit rotate --dry-run wrote %d entries, want 0", after-before)
	}
	holds(t, provider, key)

	next := newKey()
	vk(t, next, "rotate", provider, "--new-key-stdin").ok(t)
	vk(t, next, "rotate", provider, "--new-key-stdin", "--dry-run").shows(t, "nothing was written", "already")
}

func TestRotateSources(t *testing.T) {
	provider, _ := stored(t)
	key := newKey()
	vk(t, "", "rotate", provider, "--new-key-file", file(t, key+"\n")).ok(t)
	holds(t, provider, key)

	key = newKey()
	t.Setenv("SOME_KEY", key)
	vk(t, "", "rotate", provider, "--new-key-env", "SOME_KEY").ok(t)
	holds(t, provider, key)

	vk(t, "", "rotate", provider, "--auto", "--field", "organization").ok(t)
	if out := vk(t, "", "get", provider, "--field", "organization").ok(t); len(out) != 44 { // 32 bytes in base64, and a newline
		t.Errorf("field organization after vaultkit rotate --auto = %q, want 43 characters and a newline", out)
	}
	holds(t, provider, key)
}

func TestRotateRefuses(t *testing.T) {
	t.Parallel()
	provider, key := stored(t)
	secret := newKey()
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no provider":   {[]string{"--auto"}, exitcode.Usage, "no provider"},
		"two providers": {[]string{provider, "--provider", "other", "--auto"}, exitcode.Usage, "different providers"},
		"no key":        {[]string{provider}, exitcode.Usage, "new-key-stdin"},
		"two keys": {[]string{provider, "--auto", "--new-key", secret}, exitcode.Usage,
			"give one of --auto and --new-key, not several"},
		"an empty key":         {[]string{provider, "--new-key", ""}, exitcode.Usage, "empty"},
		"empty stdin":          {[]string{provider, "--new-key-stdin"}, exitcode.Usage, "empty"},
		"a key as a file":      {[]string{provider, "--new-key-file", secret}, exitcode.Usage, "cannot be read"},
		"a key as a variable":  {[]string{provider, "--new-key-env", secret}, exitcode.Usage, "variable"},
		"a control character":  {[]string{provider, "--new-key", secret + "\x1b[0m"}, exitcode.Usage, "control character"},
		"a positional key":     {[]string{provider, secret, "--new-key-stdin"}, exitcode.Usage, "a new key for each of them"},
		"an expiry of nothing": {[]string{provider, "--auto", "--expires-in", "0d"}, exitcode.Usage, "90d"},
		"an odd expiry":        {[]string{provider, "--auto", "--expires-in", "soon"}, exitcode.Usage, "90d"},
		"an odd actor":         {[]string{provider, "--auto", "--actor", "a\nb"}, exitcode.Usage, "actor"},
		"a long reason":        {[]string{provider, "--auto", "--reason", strings.Repeat("x", 513)}, exitcode.Usage, "reason"},
		"an odd name":          {[]string{"a/b", "--auto"}, exitcode.Usage, "provider name"},
		"nobody":               {[]string{vaulttest.Name(t), "--auto"}, exitcode.NotFound, "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			vk(t, "", append([]string{"rotate"}, tc.args...)...).want(t, tc.code, tc.says)
		})
	}
	holds(t, provider, key)
}

// TestRotateSet replaces several fields in one rotation.
func TestRotateSet(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	key := newKey()
	r := vk(t, key+"\n", "rotate", provider, "--set", "api_key=-", "--set", "organization=@"+file(t, "other-org\n"))
	r.shows(t, "1 -> 2", "api_key, organization")
	holds(t, provider, key)
	vk(t, "", "get", provider, "--field", "organization").prints(t, "other-org\n")
	same := untouched(t, provider)
	vk(t, "", "rotate", provider, "--set", "api_key="+newKey(), "--auto").exits(t, exitcode.Usage, "auto")
	vk(t, "", "rotate", provider, "--set", newKey()).want(t, exitcode.Usage, "field 1 is not FIELD=@file")
	vk(t, "", "rotate", provider, "--set", "api_key=").want(t, exitcode.Usage, "empty")
	same()
}

// The verify command does not run for a secret that is already in force.
func TestRotate_SkipsVerifyIfAlreadyInForce(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	key := newKey()
	args := []string{"rotate", provider, "--new-key-stdin", "--verify-cmd", "exit 0"}
	if r := vk(t, key, args...); r.ok(t) == "" || strings.Contains(r.err, "not verified") {
		t.Errorf("vaultkit rotate --verify-cmd prints %q, stderr = %q, want a result, and it verified", r.out, r.err)
	}
	args[len(args)-1] = "exit 1"
	for _, args := range [][]string{args, append(args, "--dry-run")} {
		r := vk(t, key, args...)
		r.ok(t)
		r.errHas(t, "warning: the new secret is already in force, so it was not verified")
	}
}

func TestRollback(t *testing.T) {
	t.Parallel()
	provider, before, after, id := rotated(t)
	vk(t, "", "rollback", provider, "--reason", "rejected", "--expires-in", "30d").shows(t, "Rolled back "+provider, "2 -> 3",
		"rejected", "restores", "backup "+id, "key expires")
	holds(t, provider, before)
	vk(t, "", "history", provider).shows(t, "rollback")
	vk(t, "", "status", provider).shows(t, render.When(time.Now().Add(30 * flagtype.Day))[:10])
	// A second rollback without --to would restore the bad key.
	vk(t, "", "rollback", provider).want(t, exitcode.Usage, "came from a rollback", id, "--to", "vaultkit backups "+provider)
	// The same rollback again is already done.
	vk(t, "", "rollback", provider, "--to", id).shows(t, "2 -> 3", "part or all of this change")
	vk(t, "", "rollback", provider, "--to", "nonsense").want(t, exitcode.Usage, "backup id")
	vk(t, "", "rollback", vaulttest.Name(t), "--to", id).want(t, exitcode.NotFound, "no such backup")

	backups := decode[[]render.Backup](t, vk(t, "", "backups", provider, "--json").ok(t), true)
	r := decode[vaultkit.Rotation](t, vk(t, "", "rollback", provider, "--to", backups[0].ID, "--actor", "me", "--json").ok(t), true)
	if r.NewVersion != 4 || r.Actor != "me" || r.Source != "rollback:"+backups[0].ID {
		t.Errorf("vaultkit rollback --to %s --json = %+v, want version 4 from that backup, by me", backups[0].ID, r)
	}
	holds(t, provider, after)
}

func TestRollbackDryRun(t *testing.T) {
	t.Parallel()
	provider, _, _, id := rotated(t)
	same := untouched(t, provider)
	out := vk(t, "", "rollback", provider, "--dry-run").ok(t)
	has(t, "vaultkit rollback --dry-run", out, "nothing was written: "+provider+" would go from version 2 to 3", "backup "+id,
		"secret/goblin-assistant/backups/"+provider+"/20")
	if strings.Contains(out, "verified") {
		t.Errorf("vaultkit rollback --dry-run prints %q, want no line about verification", out)
	}
	r := decode[vaultkit.Rotation](t, vk(t, "", "rollback", provider, "--dry-run", "--json").ok(t), true)
	if r.Source != "rollback:"+id || r.Outcome != "" {
		t.Errorf("vaultkit rollback --dry-run --json = %+v, want source %s and no outcome", r, "rollback:"+id)
	}
	same()
}

func TestRollbackOverDeleted(t *testing.T) {
	t.Parallel()
	provider, before, _, id := rotated(t)
	deleteCurrent(t, provider)
	rotator := role(t, "rotator")
	vkAs(t, rotator, "", "rollback", provider, "--to", id).want(t, exitcode.NotFound, "deleted", "add --restore-deleted")
	vkAs(t, rotator, "", "rollback", provider, "--to", id, "--restore-deleted", "--dry-run").shows(t,
		"would go from version 2 to 3", "none: the current version is deleted")
	vkAs(t, rotator, "", "rollback", provider, "--to", id, "--restore-deleted").shows(t, "2 -> 3", "nothing to back up")
	holds(t, provider, before)
}
