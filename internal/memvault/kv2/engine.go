// Package kv2 is version 2 of Vault's KV secrets engine over a store in memory.
//
// It does what the real engine does, also where that is a surprise: a number
// passes through float64, a key's metadata is found under its cleaned path and the data of
// a version under the path as it was sent, a stale check-and-set passes after a key was
// deleted and written anew.
package kv2

import (
	"net/http"
	"time"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/pathtree"
)

// Engine is a mount's engine. Its caller serialises the requests.
type Engine struct {
	*endpoint.Table
	now    func() time.Time
	quirk  *Quirk
	bao    bool // the answers are OpenBao's
	config config
	keys   pathtree.Tree[*metadata] // by cleaned path
	data   map[versionKey][]byte    // JSON text
}

// versionKey finds the data of a version. The path is as the client sent it: the data of
// a//b and of a/b differ, while their metadata is one.
type versionKey struct {
	path    string
	version uint64
}

// New returns an empty engine. quirk may point to a difference on purpose, or be nil.
func New(now func() time.Time, quirk *Quirk) *Engine {
	if quirk == nil {
		quirk = new(Quirk)
	}
	e := &Engine{now: now, quirk: quirk, data: make(map[versionKey][]byte)}
	e.Table = endpoint.NewTable(e.endpoints()...)
	return e
}

// NewOpenBao returns an empty engine that answers like OpenBao's. It does not say who wrote, and
// has check-and-set for metadata.
func NewOpenBao(now func() time.Time, quirk *Quirk) *Engine {
	e := New(now, quirk)
	e.bao = true
	endpoints := e.endpoints()
	for i := range endpoints {
		known := endpoints[i].Fields
		if _, has := known["cas_required"]; has {
			known["metadata_cas_required"] = field.Bool
		}
		if _, isKey := known["custom_metadata"]; isKey {
			known["metadata_cas"] = field.Int
		}
	}
	e.Table = endpoint.NewTable(endpoints...)
	return e
}

type (
	fields     = map[string]field.Kind
	operations = map[logical.Operation]endpoint.Handler
)

// endpoints lists the engine's paths in the order in which they are tried.
func (e *Engine) endpoints() []endpoint.Endpoint {
	versions := fields{"versions": field.Ints}
	return []endpoint.Endpoint{
		{
			Pattern:    "config",
			Fields:     fields{"max_versions": field.Int, "cas_required": field.Bool, "delete_version_after": field.SignedDuration},
			Operations: operations{logical.Read: e.readConfig, logical.Update: e.writeConfig},
		},
		{
			Pattern: "data/(?P<path>.*?[^/])",
			Fields:  fields{"version": field.Int, "options": field.Map, "data": field.Map},
			Operations: operations{
				logical.Read: e.readData, logical.Create: e.writeData, logical.Update: e.writeData,
				logical.Patch: e.patchData, logical.Delete: e.deleteCurrent,
			},
			Exists: e.exists,
		},
		{
			Pattern: "metadata/(?P<path>.*)",
			Fields: fields{
				"exclude_deleted": field.Bool, "cas_required": field.Bool, "max_versions": field.Int,
				"delete_version_after": field.Duration, "custom_metadata": field.Map,
			},
			Operations: operations{
				logical.Read: e.readMetadata, logical.Create: e.writeMetadata, logical.Update: e.writeMetadata,
				logical.Patch: e.patchMetadata, logical.Delete: e.deleteMetadata, logical.List: e.list,
			},
			Exists: e.exists,
		},
		{Pattern: "destroy/(?P<path>.*)", Fields: versions, Operations: operations{logical.Update: e.destroy}},
		{
			Pattern:    "subkeys/(?P<path>.*)",
			Fields:     fields{"version": field.Int, "depth": field.Int},
			Operations: operations{logical.Read: e.readSubkeys},
		},
		{Pattern: "delete/(?P<path>.*)", Fields: versions, Operations: operations{logical.Update: e.deleteVersions}},
		{Pattern: "undelete/(?P<path>.*)", Fields: versions, Operations: operations{logical.Update: e.undelete}},
		{
			Pattern: ".*",
			Operations: operations{
				logical.Read: e.invalidPath, logical.Update: e.invalidPath, logical.Patch: e.invalidPath,
				logical.Delete: e.invalidPath, logical.List: e.invalidPath,
			},
			Arbitrary: true,
		},
	}
}

// exists is the existence check: a key with metadata alone exists.
func (e *Engine) exists(p endpoint.Params) bool { return e.load(p.Text("path")) != nil }

// verbs are what the command-line client calls the operations.
var verbs = map[logical.Operation]string{
	logical.Read: "get", logical.Update: "put", logical.Patch: "patch", logical.Delete: "delete", logical.List: "list",
}

// invalidPath answers a path that forgot data/ or metadata/.
func (e *Engine) invalidPath(r *logical.Request, _ endpoint.Params) (*logical.Response, error) {
	response := &logical.Response{Status: http.StatusNotFound}
	switch r.Path {
	case "metadata", "data", "delete", "undelete", "destroy":
		response.Warn("Non-listing operations on the root of a K/V v2 mount are not supported.")
	default:
		product, command := "Vault", "vault"
		if e.bao {
			product, command = "OpenBao", "bao"
		}
		response.Warn("Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints " +
			"to use. If using the " + product + " CLI, use '" + command + " kv " + verbs[r.Operation] + "' for this operation.")
	}
	return response, nil
}

// response is a response with data.
func response(data map[string]any) *logical.Response { return &logical.Response{Data: data} }
