package token

import (
	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
)

type operations = map[logical.Operation]endpoint.Handler

// Table returns the paths below auth/token/.
func (s *Store) Table() *endpoint.Table {
	token := map[string]field.Kind{"token": field.String}
	accessor := map[string]field.Kind{"accessor": field.String}
	renewal := map[string]field.Kind{"token": field.String, "increment": field.Duration}
	return endpoint.NewTable(
		endpoint.Endpoint{Pattern: "create", Fields: creationFields, Operations: operations{logical.Update: s.create}},
		endpoint.Endpoint{Pattern: "create-orphan", Fields: creationFields, Operations: operations{logical.Update: s.createOrphan}},
		endpoint.Endpoint{Pattern: "create/(?P<role_name>[^/]+)", Arbitrary: true, Operations: operations{logical.Update: unknownRole}},
		endpoint.Endpoint{Pattern: "lookup-accessor.*", Fields: accessor, Operations: operations{logical.Update: s.lookupAccessor}},
		endpoint.Endpoint{Pattern: "lookup-self", Fields: token,
			Operations: operations{logical.Read: s.lookupSelf, logical.Update: s.lookupSelf}},
		endpoint.Endpoint{Pattern: "lookup.*", Fields: token, Operations: operations{logical.Read: s.lookup, logical.Update: s.lookup}},
		endpoint.Endpoint{Pattern: "renew-accessor.*", Operations: operations{logical.Update: s.renewAccessor},
			Fields: map[string]field.Kind{"accessor": field.String, "increment": field.Duration}},
		endpoint.Endpoint{Pattern: "renew-self", Fields: renewal, Operations: operations{logical.Update: s.renewSelf}},
		endpoint.Endpoint{Pattern: "renew.*", Fields: renewal, Operations: operations{logical.Update: s.renewToken}},
		endpoint.Endpoint{Pattern: "revoke-accessor.*", Fields: accessor, Operations: operations{logical.Update: s.revokeAccessor}},
		endpoint.Endpoint{Pattern: "revoke-self", Operations: operations{logical.Update: s.revokeSelf}},
		endpoint.Endpoint{Pattern: "revoke-orphan.*", Fields: token, Operations: operations{logical.Update: s.revokeAlone}},
		endpoint.Endpoint{Pattern: "revoke.*", Fields: token, Operations: operations{logical.Update: s.revokeToken}},
		endpoint.Endpoint{Pattern: "accessors/?", Operations: operations{logical.List: s.accessors}},
		endpoint.Endpoint{Pattern: "roles/?", Operations: operations{logical.List: noRoles}},
		endpoint.Endpoint{Pattern: "roles/(?P<role_name>[^/]+)", Arbitrary: true,
			Operations: operations{logical.Read: noRoles, logical.Delete: noRoles, logical.Update: refuseRole}},
		endpoint.Endpoint{Pattern: "tidy", Operations: operations{logical.Update: refuseTidy}},
	)
}

var creationFields = map[string]field.Kind{
	"display_name": field.String, "entity_alias": field.String, "explicit_max_ttl": field.String, "id": field.String,
	"lease": field.String, "meta": field.Pairs, "no_default_policy": field.Bool, "no_parent": field.Bool,
	"num_uses": field.Int, "period": field.String, "policies": field.Strings, "renewable": field.Bool,
	"ttl": field.String, "type": field.String,
}

// There are no token roles here, so that reads answer as a Vault without any.
func noRoles(*logical.Request, endpoint.Params) (*logical.Response, error) { return nil, nil }

func unknownRole(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	return nil, logical.Refuse("unknown role %s", p.Text("role_name"))
}

func refuseRole(*logical.Request, endpoint.Params) (*logical.Response, error) {
	return nil, logical.Unsupported("roles of tokens")
}

func refuseTidy(*logical.Request, endpoint.Params) (*logical.Response, error) {
	return nil, logical.Unsupported("auth/token/tidy")
}
