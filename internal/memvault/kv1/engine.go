// Package kv1 is version 1 of Vault's KV secrets engine over a store in memory: no
// versions, and every body is the secret. Clients of version 2 must recognise it, because
// their requests seem to work on it.
package kv1

import (
	"bytes"
	"encoding/json"
	"strings"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/pathtree"
)

// defaultLease is the lease_duration of a secret that does not say its own.
const defaultLease = 2764800

// Engine is a mount's engine. Its caller serialises the requests.
type Engine struct {
	*endpoint.Table
	secrets pathtree.Tree[[]byte] // JSON text by path
}

// New returns an empty engine.
func New() *Engine {
	e := new(Engine)
	e.Table = endpoint.NewTable(endpoint.Endpoint{
		Pattern: "(?P<path>.*)",
		Operations: map[logical.Operation]endpoint.Handler{
			logical.Read: e.read, logical.Create: e.write, logical.Update: e.write, logical.Delete: e.remove, logical.List: e.list,
		},
		Exists:    func(p endpoint.Params) bool { return e.secrets.Get(p.Text("path")) != nil },
		Arbitrary: true,
	})
	return e
}

func (e *Engine) read(r *logical.Request, _ endpoint.Params) (*logical.Response, error) {
	text := e.secrets.Get(r.Path)
	if text == nil {
		return nil, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	found := &logical.Response{Lease: defaultLease}
	if err := decoder.Decode(&found.Data); err != nil {
		return nil, err
	}
	if ttl, err := field.ParseDuration(found.Data["ttl"]); err == nil && ttl > 0 {
		found.Lease = int(ttl.Seconds())
	}
	return found, nil
}

func (e *Engine) write(r *logical.Request, _ endpoint.Params) (*logical.Response, error) {
	if r.Path == "" {
		return nil, logical.Refuse("missing path")
	}
	if len(r.Data) == 0 {
		return nil, logical.Refuse("missing data fields")
	}
	text, err := json.Marshal(r.Data)
	if err == nil {
		e.secrets.Set(r.Path, text)
	}
	return nil, err
}

func (e *Engine) remove(r *logical.Request, _ endpoint.Params) (*logical.Response, error) {
	e.secrets.Delete(r.Path)
	return nil, nil
}

func (e *Engine) list(r *logical.Request, _ endpoint.Params) (*logical.Response, error) {
	return logical.Listing(e.secrets.List(strings.TrimPrefix(r.Path, "/"))), nil
}

// Secrets returns the JSON text of every secret by its path.
func (e *Engine) Secrets() map[string][]byte { return e.secrets.All() }
