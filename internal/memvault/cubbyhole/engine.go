// Package cubbyhole is Vault's cubbyhole engine over a store in memory: each token has
// secrets that no other token sees.
package cubbyhole

import (
	"errors"
	"maps"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/pathtree"
)

// Engine is the engine at cubbyhole/. Its caller serialises the requests.
type Engine struct {
	*endpoint.Table
	secrets map[string]*pathtree.Tree[map[string]any] // by token
}

// New returns an empty engine.
func New() *Engine {
	e := &Engine{secrets: make(map[string]*pathtree.Tree[map[string]any])}
	e.Table = endpoint.NewTable(endpoint.Endpoint{
		Pattern: "(?P<path>.*)",
		Operations: map[logical.Operation]endpoint.Handler{
			logical.Read: named(e.read), logical.Create: named(e.write), logical.Update: named(e.write),
			logical.Delete: named(e.remove), logical.List: e.list,
		},
		Arbitrary: true,
	})
	return e
}

// named refuses a request without the name of a secret.
func named(next endpoint.Handler) endpoint.Handler {
	return func(r *logical.Request, p endpoint.Params) (*logical.Response, error) {
		if r.Path == "" {
			return nil, errors.New("missing path")
		}
		return next(r, p)
	}
}

// of returns the secrets of the request's token.
func (e *Engine) of(r *logical.Request) *pathtree.Tree[map[string]any] {
	if e.secrets[r.Token] == nil {
		e.secrets[r.Token] = new(pathtree.Tree[map[string]any])
	}
	return e.secrets[r.Token]
}

func (e *Engine) read(r *logical.Request, _ endpoint.Params) (*logical.Response, error) {
	data := e.of(r).Get(r.Path)
	if data == nil {
		return nil, nil
	}
	return &logical.Response{Data: maps.Clone(data)}, nil
}

func (e *Engine) write(r *logical.Request, _ endpoint.Params) (*logical.Response, error) {
	if len(r.Data) == 0 {
		return nil, errors.New("missing data fields")
	}
	e.of(r).Set(r.Path, r.Data)
	return nil, nil
}

func (e *Engine) remove(r *logical.Request, _ endpoint.Params) (*logical.Response, error) {
	e.of(r).Delete(r.Path)
	return nil, nil
}

func (e *Engine) list(r *logical.Request, _ endpoint.Params) (*logical.Response, error) {
	dir := r.Path
	if dir == "/" {
		dir = ""
	}
	return logical.Listing(e.of(r).List(dir)), nil
}
