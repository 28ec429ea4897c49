//go:build unix

package main

import (
	"path/filepath"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// The verify command gets the provider's name, and one failure does not stop the others.
func TestVerifyMany(t *testing.T) {
	t.Parallel()
	providers := several(t, 3)
	same := untouched(t, providers[1])
	dir := t.TempDir()
	command := `env >` + dir + `/$VAULTKIT_PROVIDER; echo "key: $VAULTKIT_KEY"; test "$VAULTKIT_PROVIDER" != ` + providers[1]
	r := vkAs(t, role(t, "rotator"), "", append([]string{"rotate", "--auto", "--verify-cmd", command}, providers...)...)
	r.exits(t, exitcode.Failure, "\nvaultkit: 1 of 3 rotations failed: "+providers[1])
	for _, provider := range providers { // in any order
		has(t, "vaultkit rotate --verify-cmd: stderr", "\n"+r.err, "\n"+provider+": key: [masked]\n")
	}
	r.outHas(t, "Rotated "+providers[0], "Failed "+providers[1], "the verify command exited with status 1", "Rotated "+providers[2])
	same()
	for _, provider := range []string{providers[0], providers[2]} {
		if key := noted(t, filepath.Join(dir, provider))["VAULTKIT_KEY"]; key == "" {
			t.Errorf("VAULTKIT_KEY of the verify command for %s is empty, want the new key", provider)
		} else {
			holds(t, provider, key)
		}
	}
}

// Three verify commands that wait for each other run at once; with --parallel 1 they run
// one after the other.
func TestRotateMany_RunsInParallel(t *testing.T) {
	t.Parallel()
	providers := several(t, 3)
	dir := t.TempDir()
	command := `>` + dir + `/$VAULTKIT_PROVIDER; until [ $(ls ` + dir + ` | wc -l) -eq 3 ]; do sleep 0.02; done`
	vk(t, "", append([]string{"rotate", "--auto", "--verify-cmd", command}, providers...)...).ok(t)

	alone := filepath.Join(t.TempDir(), "alone")
	command = `mkdir ` + alone + ` && sleep 0.1 && rmdir ` + alone
	vk(t, "", append([]string{"rotate", "--auto", "--parallel", "1", "--verify-cmd", command}, providers...)...).ok(t)
}
