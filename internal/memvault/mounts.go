package memvault

import (
	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/kv2"
)

// newMounts returns the mounts of a new server.
func (s *Server) newMounts() *mounts {
	table := &mounts{byPath: make(map[string]*mount)}
	table.add(newMount("secret/", "kv", kv2.New(s.clock.Now, &s.quirk), map[string]string{"version": "2"}))
	table.add(newMount("sys/", "system", endpoint.NewTable(s.sysMounts()...), nil))
	return table
}

func newMount(path, kind string, e engine, options map[string]string) *mount {
	return &mount{
		path: path, kind: kind, accessor: kind + "_" + randomHex(4), uuid: newUUID(), options: options, engine: e,
	}
}
