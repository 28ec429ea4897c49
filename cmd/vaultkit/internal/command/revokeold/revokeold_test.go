package revokeold

import (
	"testing"

	"goblin/vaultkit"
)

func TestMainField(t *testing.T) {
	t.Parallel()
	for want, keys := range map[string]vaultkit.ProviderKeys{
		"api_key": {"api_key": "1", "other": "2"}, "other": {"other": "1"}, "": {"one": "1", "other": "2"},
	} {
		if got := mainField(keys); got != want {
			t.Errorf("mainField(%q) = %q, want %q", keys.Fields(), got, want)
		}
	}
}
