package memvault_test

import (
	"strings"
	"testing"

	"goblin/vaultkit/internal/memvault"
)

// TestUnsupportedParameters_AreRefusedByName sends parameters that Vault honours and
// memvault does not. With a zero value they ask for nothing.
func TestUnsupportedParameters_AreRefusedByName(t *testing.T) {
	c := client(t, memvault.New(memvault.Options{}))
	for _, refused := range []struct {
		path, name string
		value      any
	}{
		{"sys/mounts/x", "local", true},
		{"sys/mounts/x", "plugin_version", "v1.0.0"},
		{"sys/mounts/secret/tune", "listing_visibility", "unauth"},
		{"sys/audit/x", "local", true},
	} {
		body := map[string]any{"type": "kv", refused.name: refused.value}
		_, err := c.Logical().WriteWithContext(t.Context(), refused.path, body)
		if want := "memvault does not support the parameter " + refused.name; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Write(%s, %s=%v) = %v, want %q", refused.path, refused.name, refused.value, err, want)
		}
	}
	body := map[string]any{"type": "kv", "local": false, "plugin_version": ""}
	if _, err := c.Logical().WriteWithContext(t.Context(), "sys/mounts/x", body); err != nil {
		t.Errorf("Write(sys/mounts/x) with zero values = %v", err)
	}
}
