package vaultkittest

import (
	"net/http"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/kv"
)

// PutProvider stores a provider's keys, as a program without vaultkit would. It replaces what
// was there.
func (s *Server) PutProvider(name string, keys vaultkit.ProviderKeys) {
	s.t.Helper()
	s.must("store a provider", kv.CheckName("provider name", name))
	s.must("store "+name, s.put(name, keys))
}

func (s *Server) put(name string, keys vaultkit.ProviderKeys) error {
	data := make(map[string]any, len(keys))
	for field, value := range keys {
		data[field] = value
	}
	_, err := s.root.KVv2(s.mount).Put(background, s.base+"/providers/"+name, data)
	return err
}

// DeleteProvider deletes a provider's current version, as "vault kv delete" does. Its earlier
// versions stay.
func (s *Server) DeleteProvider(name string) {
	s.t.Helper()
	s.must("delete a provider", kv.CheckName("provider name", name))
	s.must("delete "+name, s.root.KVv2(s.mount).Delete(background, s.base+"/providers/"+name))
}

// Provider returns the keys that the server holds for a provider. If there are none, it fails the
// test.
func (s *Server) Provider(name string) (keys vaultkit.ProviderKeys) {
	s.t.Helper()
	s.asAdmin("read "+name, func(admin *vaultkit.Client) (err error) {
		keys, err = admin.GetProviderKeys(background, name)
		return err
	})
	return keys
}

// Rotate replaces a provider's API key by vaultkit's own protocol, as another program would: with
// a backup and a record.
func (s *Server) Rotate(name, key string) (rotation *vaultkit.Rotation) {
	s.t.Helper()
	s.asAdmin("rotate "+name, func(admin *vaultkit.Client) (err error) {
		rotation, err = admin.Rotate(background, name, vaultkit.NewKey(key), vaultkit.WithActor("vaultkittest"))
		return err
	})
	return rotation
}

// asAdmin runs a step with a client that may do everything, and that no fault reaches. The client
// lasts no longer, so that no goroutine of it stays in or outside a bubble.
func (s *Server) asAdmin(step string, do func(*vaultkit.Client) error) {
	s.t.Helper()
	pastFaults := vaultkit.WithTransport(func(http.RoundTripper) http.RoundTripper { return s.pastFaults() })
	admin, err := vaultkit.New(background, append(s.connect(s.vault.RootToken()), pastFaults)...)
	s.must("make a client", err)
	defer func() { _ = admin.Close() }()
	s.must(step, do(admin))
}

// RevokeTokens revokes every token but the root token. Clients that can log in again do so at
// their next request.
func (s *Server) RevokeTokens() { s.vault.RevokeTokens() }
