package authtest

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"goblin/vaultkit/internal/memvault/acl"
	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/token"
	"goblin/vaultkit/internal/memvault/wrapping"
)

// Core serves mounts as Vault's core does, without what only KV needs. It lets a package
// of the in-process Vault be compared alone.
type Core struct {
	Tokens   *token.Store
	Wrapping *wrapping.Store
	Mounts   []Mount
}

// Mount is a path with what serves it.
type Mount struct {
	Path  string // with a slash at the end
	Type  string
	Table *endpoint.Table
	Open  []string // the paths inside the mount that need no token; a final * is a prefix
}

// ServeHTTP serves a request.
func (c *Core) ServeHTTP(w http.ResponseWriter, h *http.Request) {
	r, err := decode(h)
	var response *logical.Response
	if err == nil {
		response, err = c.serve(r)
	}
	var refused *logical.Error
	if errors.As(err, &refused) {
		text, _ := refused.Encode() // texts only
		w.WriteHeader(refused.Status)
		_, _ = w.Write(text)
		return
	}
	write(w, r, response)
}

func decode(h *http.Request) (*logical.Request, error) {
	r := &logical.Request{ID: "id", Path: strings.TrimPrefix(h.URL.Path, "/v1/"), Token: h.Header.Get("X-Vault-Token"), Headers: h.Header}
	r.Operation = map[string]logical.Operation{
		"GET": logical.Read, "LIST": logical.List, "POST": logical.Update, "PUT": logical.Update, "PATCH": logical.Patch, "DELETE": logical.Delete,
	}[h.Method]
	if r.Operation == logical.List && !strings.HasSuffix(r.Path, "/") {
		r.Path += "/"
	}
	if text := h.Header.Get("X-Vault-Wrap-TTL"); text != "" {
		wrap, err := field.ParseDuration(text)
		if err != nil {
			return nil, logical.Refuse("%s", err)
		}
		r.Wrap = wrap.Truncate(time.Second)
	}
	if h.Body == nil || !r.Writes() {
		return r, nil
	}
	decoder := json.NewDecoder(h.Body)
	decoder.UseNumber()
	_ = decoder.Decode(&r.Data) // no body is no data
	return r, nil
}

func (c *Core) serve(r *logical.Request) (*logical.Response, error) {
	if err := c.Wrapping.Check(r); err != nil {
		return nil, err
	}
	mount := c.mount(r.Path)
	if mount == nil {
		return nil, logical.NoRoute(r.Path)
	}
	inner := r.At(mount.Path)
	if !mount.open(inner.Path) {
		last, err := c.authorize(inner, r.Path, mount)
		if last {
			defer c.Tokens.Revoke(r.Token)
		}
		if err != nil {
			return nil, err
		}
	}
	response, err := mount.serve(inner)
	if err != nil || response == nil || response.Missing(r.Operation) || r.Wrap == 0 && !wrapping.Rewraps(response) {
		return response, err
	}
	return c.Wrapping.Wrap(r, response)
}

func (c *Core) authorize(r *logical.Request, path string, mount *Mount) (last bool, err error) {
	if r.Token == "" {
		return false, logical.NoToken()
	}
	entry := c.Tokens.Lookup(r.Token)
	if entry == nil {
		return false, logical.InvalidToken()
	}
	existence := decideCreate(r, mount.Table)
	decision := c.Tokens.ACL(entry).Allow(acl.Request{Operation: acl.Operation(r.Operation), Path: path, Data: r.Data, WrapTTL: r.Wrap})
	last = c.Tokens.Use(entry.ID)
	if existence != nil {
		return last, existence
	}
	if !decision.Allowed || acl.NeedsSudo(path) && !decision.Sudo {
		return last, logical.Denied()
	}
	r.Actor = entry.Actor()
	return last, nil
}

// decideCreate turns a POST of something that does not exist into a Create.
func decideCreate(r *logical.Request, table *endpoint.Table) error {
	if r.Operation != logical.Update {
		return nil
	}
	checked, exists, err := table.Exists(r)
	var refused *logical.Error
	switch {
	case errors.As(err, &refused):
		return nil // the engine says so later
	case err != nil:
		return logical.Refuse("%s", err)
	case checked && !exists:
		r.Operation = logical.Create
	}
	return nil
}

func (c *Core) mount(path string) *Mount {
	for i, m := range c.Mounts {
		if strings.HasPrefix(path, m.Path) {
			return &c.Mounts[i]
		}
	}
	return nil
}

func (m *Mount) serve(r *logical.Request) (*logical.Response, error) {
	response, err := m.Table.Handle(r)
	if response != nil && !response.HideMount {
		response.Mount = m.Type
	}
	return response, err
}

func (m *Mount) open(path string) bool {
	for _, one := range m.Open {
		if prefix, ok := strings.CutSuffix(one, "*"); path == one || ok && strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

func write(w http.ResponseWriter, r *logical.Request, response *logical.Response) {
	switch {
	case response.Missing(r.Operation):
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"errors":[]}`))
	case response == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		text, err := response.Encode(r.ID, flat(r.Path))
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.WriteHeader(response.HTTPStatus())
		_, _ = w.Write(text)
	}
}

// flat reports whether a response repeats its data at the top level.
func flat(path string) bool {
	return strings.HasPrefix(path, "sys/capabilities") || strings.HasPrefix(path, "sys/auth") || path == "sys/wrapping/wrap"
}
