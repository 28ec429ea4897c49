package setup

import (
	"context"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/policy"
)

// AppRoles are the AppRoles that a Vault must have.
type AppRoles struct {
	Path        string // of the auth mount
	Roles       []policy.Role
	NewSecretID bool          // make one for an AppRole that is there, too
	WrapTTL     time.Duration // of the wrapped secret id
}

// appRoles returns the auth mount and the AppRoles.
func (s *Spec) appRoles() []*object {
	if len(s.AppRoles.Roles) == 0 {
		return nil
	}
	all := []*object{authMount(s.AppRoles.Path, "approle", "--approle-path")}
	for _, role := range s.AppRoles.Roles {
		all = append(all, s.appRole(role))
	}
	return all
}

// appRole returns an AppRole. A service logs in again with its secret id when its token ends; the
// secret id of a job is for one login.
func (s *Spec) appRole(role policy.Role) *object {
	uses := 1
	if isService(role) {
		uses = 0
	}
	fields := append(tokenFields(s.name(role), lifetime(role)),
		field{name: "bind_secret_id", value: true},
		field{name: "secret_id_num_uses", value: uses})
	return authRole(appRoleKind, s.AppRoles.Path, s.name(role), fields)
}

const appRoleKind = "AppRole"

// Credentials are what logs in as an AppRole. The wrapping token of the secret id works once.
type Credentials struct {
	AppRole         string    `json:"approle"`
	Path            string    `json:"path"`
	RoleID          string    `json:"role_id"`
	WrappedSecretID string    `json:"wrapped_secret_id"`
	ExpiresAt       time.Time `json:"expires_at"` // of the wrapping token
}

// credentials reads the role id of an AppRole and makes a secret id.
func (s *AppRoles) credentials(ctx context.Context, server *server, name string) (*Credentials, error) {
	path := authPath(s.Path, "role", name)
	role, err := server.read(ctx, path+"/role-id")
	if err != nil {
		return nil, err
	}
	id := asText(role["role_id"])
	if id == "" {
		return nil, &vaultkit.Error{Path: path + "/role-id", Kind: vaultkit.ErrNotFound, Detail: "the AppRole has no role id"}
	}
	wrapped, err := server.writeWrapped(ctx, path+"/secret-id", s.WrapTTL)
	if err != nil {
		return nil, err
	}
	return &Credentials{
		AppRole: name, Path: s.Path, RoleID: id, WrappedSecretID: wrapped.Token,
		ExpiresAt: wrapped.CreationTime.Add(time.Duration(wrapped.TTL) * time.Second).UTC(),
	}, nil
}
