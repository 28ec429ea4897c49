// Package approle is the AppRole auth method of the in-process Vault.
package approle

import (
	"errors"
	"time"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/random"
	"goblin/vaultkit/internal/memvault/token"
)

// role is what may log in, and what its tokens look like.
type role struct {
	token.Role
	name            string
	id              string
	bindSecretID    bool
	secretIDNumUses int
	secretIDTTL     time.Duration
	secrets         map[string]*secretID
}

func (m *Method) newRole(name string) *role {
	return &role{Role: m.tokens.NewRole(), name: name, id: random.UUID(), bindSecretID: true, secrets: map[string]*secretID{}}
}

// set changes the role by the given parameters, if all of them are valid.
func (r *role) set(p endpoint.Params) error {
	if err := r.Set(p); err != nil {
		return err
	}
	if p.Has("role_id") {
		r.id = p.Text("role_id")
	}
	if p.Has("bind_secret_id") {
		r.bindSecretID = p.Bool("bind_secret_id")
	}
	if p.Has("secret_id_num_uses") {
		r.secretIDNumUses = p.Int("secret_id_num_uses")
	}
	if p.Has("secret_id_ttl") {
		r.secretIDTTL = p.Duration("secret_id_ttl")
	}
	r.SetOld(p, "policies", "period")
	switch {
	case r.id == "":
		return errors.New("invalid role_id supplied, or failed to generate a role_id")
	case r.secretIDNumUses < 0:
		return errors.New("secret_id_num_uses cannot be negative")
	}
	return nil
}

// data is what a read of the role returns.
func (r *role) data() map[string]any {
	data := r.Data()
	data["bind_secret_id"] = r.bindSecretID
	data["local_secret_ids"] = false
	data["secret_id_bound_cidrs"] = nil
	data["secret_id_num_uses"] = r.secretIDNumUses
	data["secret_id_ttl"] = int(r.secretIDTTL.Seconds())
	return data
}
