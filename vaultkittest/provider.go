package vaultkittest

import (
	"goblin/vaultkit"
	"goblin/vaultkit/internal/kv"
)

// PutProvider stores a provider's keys, as a program without vaultkit would. It replaces what
// was there.
func (s *Server) PutProvider(name string, keys vaultkit.ProviderKeys) {
	s.t.Helper()
	s.must("store a provider", kv.CheckName("provider name", name))
	data := make(map[string]any, len(keys))
	for field, value := range keys {
		data[field] = value
	}
	_, err := s.root.KVv2(s.mount).Put(s.t.Context(), s.base+"/providers/"+name, data)
	s.must("store "+name, err)
}

// Provider returns the keys that the server holds for a provider.
func (s *Server) Provider(name string) vaultkit.ProviderKeys {
	s.t.Helper()
	keys, err := s.admin.GetProviderKeys(s.t.Context(), name)
	s.must("read "+name, err)
	return keys
}

// Rotate replaces a provider's API key by vaultkit's own protocol, as another program would: with
// a backup and a record.
func (s *Server) Rotate(name, key string) *vaultkit.Rotation {
	s.t.Helper()
	rotation, err := s.admin.Rotate(s.t.Context(), name, vaultkit.NewKey(key), vaultkit.WithActor("vaultkittest"))
	s.must("rotate "+name, err)
	return rotation
}

// RevokeTokens revokes every token but the root token. Clients that can log in again do so at
// their next request.
func (s *Server) RevokeTokens() { s.vault.RevokeTokens() }
