package main

import (
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/vaulttest"
)

// An unknown name is an error; a provider without records is not.
func TestRequireProvider_RefusesAMistypedName(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	for _, args := range []string{"history %", "backups %", "backups % prune --keep 1", "recover %", "recover " + provider + " %"} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			nobody := vaulttest.Name(t)
			named := func(name string) []string { return strings.Fields(strings.ReplaceAll(args, "%", name)) }
			vk(t, "", named(nobody)...).want(t, exitcode.NotFound,
				nobody+": not found: there is no such provider at secret/goblin-assistant/providers")
			vk(t, "", append(named(nobody), "--json")...).want(t, exitcode.NotFound, nobody)
			vk(t, "", named(provider)...).ok(t)
			// If the token cannot list providers, any name is accepted.
			unlisted := vaulttest.Token(t,
				strings.ReplaceAll(vaulttest.Policy(t, "../../", "recoverer"), `metadata/goblin-assistant/providers/"`, `metadata/nothing/"`))
			vkAs(t, unlisted, "", named(nobody)...).ok(t)
		})
	}
}
