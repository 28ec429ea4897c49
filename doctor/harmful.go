package doctor

import (
	"strings"

	"goblin/vaultkit/internal/checks"
	"goblin/vaultkit/internal/rights"
	"goblin/vaultkit/internal/settings"
)

// endpoints are the endpoints of KV version 2 that change or destroy an entry, the worst
// first, and the capabilities that allow it.
var endpoints = []struct {
	name         string
	capabilities []string
}{
	{"destroy", []string{"update"}},
	{"metadata", []string{"delete", "update", "patch", "create"}}, // delete_version_after deletes too
	{"delete", []string{"update"}},
	{"undelete", []string{"update"}},
	{"data", []string{"delete", "update", "patch", "create"}},
}

// harmful returns the rights to change or destroy the entries of one provider, or of all, and
// the mount that holds them. Some roles have some of these rights.
func harmful(s *settings.Settings, provider string) []checks.Right {
	engine := "sys/mounts/" + s.Mount
	found := []checks.Right{
		{Path: engine, Capability: "delete"}, {Path: engine, Capability: "update"},
		{Path: engine + "/tune", Capability: "update"}, {Path: s.Mount + "/config", Capability: "update"},
	}
	var entries rights.Set
	for _, kind := range []rights.PathKind{rights.Secrets, rights.Backups, rights.Records, rights.Attempts} {
		entries[kind] = []string{""}
	}
	for _, entry := range rightsAt(s, entries, rights.Set{}, provider) {
		below := strings.TrimPrefix(entry.Path, s.Mount+"/data")
		for _, endpoint := range endpoints {
			for _, capability := range endpoint.capabilities {
				found = append(found, checks.Right{Path: s.Mount + "/" + endpoint.name + below, Capability: capability})
			}
		}
	}
	return found
}
