package vaultkit

import (
	"strings"

	"goblin/vaultkit/internal/doctor"
	"goblin/vaultkit/internal/rights"
	"goblin/vaultkit/internal/settings"
)

// ways are KV version 2's ways to change or destroy an entry, the worst first,
// and the capabilities that open them.
var ways = []struct {
	door         string
	capabilities []string
}{
	{"destroy", []string{"update"}},
	{"metadata", []string{"delete", "update", "patch", "create"}}, // delete_version_after deletes too
	{"delete", []string{"update"}},
	{"undelete", []string{"update"}},
	{"data", []string{"delete", "update", "patch", "create"}},
}

// harmful are the rights to change or destroy what is kept of one provider, or of
// any, and the mount that keeps it. Some roles have some of them.
func harmful(s *settings.Settings, provider string) []doctor.Right {
	engine := "sys/mounts/" + s.Mount
	found := []doctor.Right{
		{Path: engine, Capability: "delete"}, {Path: engine, Capability: "update"},
		{Path: engine + "/tune", Capability: "update"}, {Path: s.Mount + "/config", Capability: "update"},
	}
	var entries rights.Set
	for _, place := range []rights.Place{rights.Secrets, rights.Backups, rights.Records} {
		entries[place] = []string{""}
	}
	for _, entry := range rightsAt(s, entries, rights.Set{}, provider) {
		below := strings.TrimPrefix(entry.Path, s.Mount+"/data")
		for _, way := range ways {
			for _, capability := range way.capabilities {
				found = append(found, doctor.Right{Path: s.Mount + "/" + way.door + below, Capability: capability})
			}
		}
	}
	return found
}
