package wrapping

import (
	"net/http"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/policies"
)

// rewrap is the name under which Rewrap hands a wrapped response to Wrap.
const rewrap = "memvault rewrap"

// Open is the path below sys/ that needs no token of its own.
const Open = "wrapping/lookup"

// Endpoints returns the paths below sys/.
func (s *Store) Endpoints() []endpoint.Endpoint {
	token := map[string]field.Kind{"token": field.String}
	type operations = map[logical.Operation]endpoint.Handler
	return []endpoint.Endpoint{
		{Pattern: "wrapping/wrap", Arbitrary: true, Operations: operations{logical.Read: wrap, logical.Create: wrap, logical.Update: wrap}},
		{Pattern: "wrapping/lookup", Fields: token, Operations: operations{logical.Read: s.lookup, logical.Update: s.lookup}},
		{Pattern: "wrapping/unwrap", Fields: token, Operations: operations{logical.Update: s.unwrap}},
		{Pattern: "wrapping/rewrap", Fields: token, Operations: operations{logical.Update: s.rewrap}},
	}
}

// Check refuses a request to a path below sys/wrapping/ whose wrapping token is not valid.
// The core calls it before it checks the request's own token.
func (s *Store) Check(r *logical.Request) error {
	switch r.Path {
	case "sys/wrapping/lookup", "sys/wrapping/rewrap", "sys/wrapping/unwrap":
	default:
		return nil
	}
	id, err := named(r)
	if err != nil {
		return err
	}
	if e := s.tokens.Lookup(id); e == nil || len(e.Policies) != 1 || e.Policies[0] != policies.Wrapping {
		return logical.Refuse("wrapping token is not valid or does not exist")
	}
	return nil
}

// named returns the wrapping token: of the body, or else the one that sends the request.
func named(r *logical.Request) (string, error) {
	given, ok := r.Data["token"]
	if !ok || given == nil {
		if r.Token == "" {
			return "", invalid("token is empty")
		}
		return r.Token, nil
	}
	switch id, isText := given.(string); {
	case !isText:
		return "", invalid("could not decode token in request body")
	case id == "":
		return "", invalid("empty token in request body")
	default:
		return id, nil
	}
}

func invalid(why string) error {
	return &logical.Error{Status: http.StatusForbidden, Text: "error validating wrapping token: " + why}
}

func wrap(r *logical.Request, _ endpoint.Params) (*logical.Response, error) {
	if r.Wrap == 0 {
		return nil, logical.Refuse("endpoint requires response wrapping to be used")
	}
	return &logical.Response{Data: r.Data}, nil
}

func (s *Store) lookup(r *logical.Request, _ endpoint.Params) (*logical.Response, error) {
	id, err := named(r)
	if err != nil {
		return nil, err
	}
	c, ok := s.get(id)
	if !ok {
		return nil, nil
	}
	return &logical.Response{HideMount: true, Data: map[string]any{
		"creation_path": c.path, "creation_time": c.created, "creation_ttl": c.ttl.Seconds(),
	}}, nil
}

// unwrap returns what was wrapped as it would have been without wrapping, and ends the
// token.
func (s *Store) unwrap(r *logical.Request, _ endpoint.Params) (*logical.Response, error) {
	id, c, err := s.find(r)
	if err != nil {
		return nil, err
	}
	s.tokens.Revoke(id)
	return &logical.Response{Status: c.status, Raw: c.body}, nil
}

// rewrap uses up the old token. Vault shows it with no uses left until it expires.
func (s *Store) rewrap(r *logical.Request, _ endpoint.Params) (*logical.Response, error) {
	id, c, err := s.find(r)
	if err != nil {
		return nil, err
	}
	s.tokens.Use(id)
	return &logical.Response{Data: map[string]any{rewrap: c}}, nil
}

// Rewraps reports whether a response is to be wrapped although its request does not ask
// for it.
func Rewraps(response *logical.Response) bool {
	_, ok := response.Data[rewrap]
	return ok
}

func (s *Store) find(r *logical.Request) (string, content, error) {
	id, err := named(r)
	if err != nil {
		return "", content{}, err
	}
	c, ok := s.get(id)
	if !ok {
		return "", content{}, logical.Refuse("wrapping token is not valid or does not exist")
	}
	return id, c, nil
}
