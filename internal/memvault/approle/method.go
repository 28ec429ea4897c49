package approle

import (
	"sync"

	"goblin/vaultkit/internal/memvault/clock"
	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/token"
)

// Method is the auth method at one mount. Its methods are safe for concurrent use.
//
// A secret id that has expired is gone. A real server removes it some time later, and
// accepts it until then.
type Method struct {
	clock  *clock.Clock
	tokens *token.Store
	limits func() token.Limits

	mutex     sync.Mutex
	roles     map[string]*role
	failed    map[string]failures // by role id
	accessors map[string]bool
}

// New returns a method without roles. limits returns the mount's lease durations.
func New(c *clock.Clock, tokens *token.Store, limits func() token.Limits) *Method {
	return &Method{
		clock: c, tokens: tokens, limits: limits,
		roles: map[string]*role{}, failed: map[string]failures{}, accessors: map[string]bool{},
	}
}

type (
	operations = map[logical.Operation]endpoint.Handler
	fields     = map[string]field.Kind
)

const singleParameters = "(local-secret-ids|policies|.*cidr.*|bind-secret-id|secret-id-num-uses|secret-id-ttl|period|token-.*)"

const rolePath = `role/(?P<role_name>\w(([\w-.]+)?\w)?)`

// Table returns the paths below the mount.
func (m *Method) Table() *endpoint.Table {
	secret, accessor := fields{"secret_id": field.String}, fields{"secret_id_accessor": field.String}
	creation := fields{
		"num_uses": field.Int, "ttl": field.Duration, "metadata": field.String,
		"cidr_list": field.Unsupported, "token_bound_cidrs": field.Unsupported,
	}
	custom := fields{"secret_id": field.String}
	for name, kind := range creation {
		custom[name] = kind
	}
	return endpoint.NewTable(
		endpoint.Endpoint{Pattern: "login", Fields: fields{"role_id": field.String, "secret_id": field.String},
			Operations: operations{logical.Update: m.login, logical.Read: noLogin, logical.Delete: noLogin, logical.List: noLogin}},
		endpoint.Endpoint{Pattern: "role/?", Operations: operations{logical.List: m.listRoles}},
		endpoint.Endpoint{Pattern: rolePath, Fields: m.tokens.RoleFields(roleFields), Exists: m.exists, Operations: operations{
			logical.Create: m.writeRole, logical.Update: m.writeRole, logical.Read: m.readRole, logical.Delete: m.deleteRole}},
		endpoint.Endpoint{Pattern: rolePath + "/role-id", Fields: fields{"role_id": field.String},
			Operations: operations{logical.Read: m.readRoleID, logical.Update: m.writeRoleID}},
		endpoint.Endpoint{Pattern: rolePath + "/secret-id/?", Fields: creation,
			Operations: operations{logical.Update: m.createSecretID, logical.List: m.listSecretIDs}},
		endpoint.Endpoint{Pattern: rolePath + "/custom-secret-id", Fields: custom, Operations: operations{logical.Update: m.createCustom}},
		endpoint.Endpoint{Pattern: rolePath + "/secret-id/lookup/?", Fields: secret, Operations: operations{logical.Update: m.lookup}},
		endpoint.Endpoint{Pattern: rolePath + "/secret-id/destroy/?", Fields: secret,
			Operations: operations{logical.Update: m.destroy, logical.Delete: m.destroy}},
		endpoint.Endpoint{Pattern: rolePath + "/secret-id-accessor/lookup/?", Fields: accessor,
			Operations: operations{logical.Update: m.lookupAccessor}},
		endpoint.Endpoint{Pattern: rolePath + "/secret-id-accessor/destroy/?", Fields: accessor,
			Operations: operations{logical.Update: m.destroyAccessor, logical.Delete: m.destroyAccessor}},
		endpoint.Endpoint{Pattern: rolePath + "/" + singleParameters, Arbitrary: true,
			Operations: operations{logical.Read: single, logical.Update: single, logical.Delete: single}},
		endpoint.Endpoint{Pattern: "tidy/secret-id", Operations: operations{logical.Update: tidy}},
	)
}

var roleFields = fields{
	"bind_secret_id": field.Bool, "secret_id_num_uses": field.Int, "secret_id_ttl": field.Duration, "role_id": field.String,
	"policies": field.Strings, "period": field.Duration,
	"bound_cidr_list": field.Unsupported, "secret_id_bound_cidrs": field.Unsupported, "local_secret_ids": field.Unsupported,
}

// single refuses the paths of single parameters. The role itself reads and writes them.
func single(r *logical.Request, _ endpoint.Params) (*logical.Response, error) {
	return nil, logical.Unsupported(r.Mount + r.Path)
}

// tidy has nothing to do, because no expired secret id is kept.
func tidy(*logical.Request, endpoint.Params) (*logical.Response, error) {
	return &logical.Response{Status: 202, Warnings: []string{
		"Tidy operation successfully started. Any information from the operation will be printed to Vault's server logs.",
	}}, nil
}
