// Package logical holds what passes between the HTTP side of the in-process Vault and its
// engines: a request, a response and an error, as Vault's own core sees them.
package logical

import (
	"net/http"
	"time"
)

// Operation is what a request asks for. Policies name the same operations as capabilities.
type Operation string

// The operations. The HTTP side produces Update for every POST and PUT; the core turns it
// into Create if the engine's existence check finds nothing.
const (
	Create Operation = "create"
	Read   Operation = "read"
	Update Operation = "update"
	Patch  Operation = "patch"
	Delete Operation = "delete"
	List   Operation = "list"
	Header Operation = "header" // HEAD
	Help   Operation = "help"   // GET with ?help
)

// Request is a request after HTTP has been decoded.
type Request struct {
	ID        string
	Operation Operation
	Path      string         // without /v1/, and inside an engine without the mount
	Mount     string         // the mount's path with a final slash, known after routing
	Data      map[string]any // of the body, or of the query if the method has no body
	Headers   http.Header
	Token     string // as the client sent it, may be empty
	Remote    string // the client's IP address, may be empty
	Wrap      time.Duration
	Snapshot  string // the id of a snapshot to read or recover
	Actor     Actor  // set once the token is known
}

// Writes reports whether the request carries data to be stored.
func (r *Request) Writes() bool {
	return r.Operation == Create || r.Operation == Update || r.Operation == Patch
}

// At returns a copy of the request as an engine at a mount sees it.
func (r *Request) At(mount string) *Request {
	inner := *r
	inner.Mount = mount
	inner.Path = trimMount(r.Path, mount)
	return &inner
}

// trimMount also accepts the mount's path without its slash, as GET /v1/secret has it.
func trimMount(path, mount string) string {
	if len(path) < len(mount) {
		return ""
	}
	return path[len(mount):]
}

// Actor is who makes a request.
type Actor struct {
	DisplayName string
	EntityID    string
	ClientID    string
	Accessor    string
	Policies    []string
}
