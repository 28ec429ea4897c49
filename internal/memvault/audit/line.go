package audit

import (
	"cmp"
	"time"

	"goblin/vaultkit/internal/memvault/logical"
)

// line is a line of the log.
type line struct {
	Auth     *auth     `json:"auth,omitempty"`
	Error    string    `json:"error,omitempty"`
	Request  request   `json:"request"`
	Response *response `json:"response,omitempty"`
	Time     time.Time `json:"time"`
	Type     string    `json:"type"`
}

// auth says who made the request, or who logged in by it.
type auth struct {
	Accessor      string            `json:"accessor,omitempty"`
	ClientToken   string            `json:"client_token,omitempty"`
	DisplayName   string            `json:"display_name,omitempty"`
	EntityID      string            `json:"entity_id,omitempty"`
	Metadata      map[string]string `json:"metadata,omitempty"`
	Policies      []string          `json:"policies,omitempty"`
	TokenPolicies []string          `json:"token_policies,omitempty"`
	Results       *results          `json:"policy_results,omitempty"`
	TokenType     string            `json:"token_type,omitempty"`
}

type results struct {
	Allowed bool `json:"allowed"`
}

type request struct {
	ClientID    string              `json:"client_id,omitempty"`
	ClientToken string              `json:"client_token,omitempty"`
	Accessor    string              `json:"client_token_accessor,omitempty"`
	Data        map[string]any      `json:"data,omitempty"`
	Headers     map[string][]string `json:"headers,omitempty"`
	ID          string              `json:"id"`
	Class       string              `json:"mount_class,omitempty"`
	Mount       string              `json:"mount_point,omitempty"`
	Type        string              `json:"mount_type,omitempty"`
	Version     string              `json:"mount_running_version,omitempty"`
	Namespace   Namespace           `json:"namespace"`
	Operation   logical.Operation   `json:"operation"`
	Path        string              `json:"path"`
	Remote      string              `json:"remote_address,omitempty"`
	WrapTTL     int                 `json:"wrap_ttl,omitempty"`
}

type response struct {
	Auth     *auth          `json:"auth,omitempty"`
	Data     map[string]any `json:"data,omitempty"`
	Accessor string         `json:"mount_accessor,omitempty"`
	Class    string         `json:"mount_class,omitempty"`
	Mount    string         `json:"mount_point,omitempty"`
	Type     string         `json:"mount_type,omitempty"`
	Version  string         `json:"mount_running_plugin_version,omitempty"`
	Warnings []string       `json:"warnings,omitempty"`
	Wrap     *wrap          `json:"wrap_info,omitempty"`
}

type wrap struct {
	Accessor     string    `json:"accessor"`
	CreationPath string    `json:"creation_path"`
	CreationTime time.Time `json:"creation_time"`
	Token        string    `json:"token"`
	TTL          int       `json:"ttl"`
}

func (d *Device) line(r Record) line {
	out := line{Request: d.request(r), Time: r.Time, Type: "request"}
	if len(r.Request.Actor.Policies) > 0 {
		out.Auth = d.actor(r.Request)
	}
	if r.Err != nil {
		out.Error = logical.AsError(r.Err).Text
	}
	if !r.Answered {
		return out
	}
	out.Type, out.Response = "response", d.response(r)
	if r.Response != nil && r.Response.Auth != nil {
		out.Auth = d.granted(r.Response.Auth)
	}
	return out
}

func (d *Device) actor(r *logical.Request) *auth {
	who := r.Actor
	return &auth{
		Accessor: d.optional(who.Accessor), ClientToken: d.optional(r.Token), DisplayName: who.DisplayName, EntityID: who.EntityID,
		Policies: who.Policies, TokenPolicies: who.Policies, Results: &results{Allowed: true}, TokenType: "service",
	}
}

// granted describes a token that the response hands out.
func (d *Device) granted(a *logical.Auth) *auth {
	return &auth{
		Accessor: d.optional(a.Accessor), ClientToken: d.optional(a.ClientToken), EntityID: a.EntityID, Metadata: a.Metadata,
		Policies: a.Policies, TokenPolicies: a.TokenPolicies, TokenType: a.TokenType,
	}
}

func (d *Device) request(r Record) request {
	return request{
		ClientID: r.Request.Actor.ClientID, ClientToken: d.optional(r.Request.Token), Accessor: d.optional(r.Request.Actor.Accessor),
		Data: d.object(r.Request.Data), Headers: d.shown(r.Request.Headers, r.Headers), ID: r.Request.ID,
		Class: r.Mount.Class, Mount: r.Mount.Path, Type: r.Mount.Type, Version: r.Mount.Version, Namespace: Namespace{cmp.Or(r.Namespace.ID, "root"), r.Namespace.Path},
		Operation: r.Request.Operation, Path: r.Request.Path, Remote: r.Request.Remote, WrapTTL: int(r.Request.Wrap.Seconds()),
	}
}

func (d *Device) response(r Record) *response {
	out := &response{
		Accessor: r.Mount.Accessor, Class: r.Mount.Class, Mount: r.Mount.Path, Type: r.Mount.Type, Version: r.Mount.Version,
	}
	switch {
	case r.Err != nil:
		out.Data = map[string]any{"error": d.Hash(logical.AsError(r.Err).Text)}
	case r.Response != nil:
		out.Data, out.Warnings = d.object(r.Response.Data), r.Response.Warnings
		if r.Response.Auth != nil {
			out.Auth = d.granted(r.Response.Auth)
		}
		if w := r.Response.Wrap; w != nil {
			out.Wrap = &wrap{d.optional(w.Accessor), w.CreationPath, w.CreationTime, d.Hash(w.Token), w.TTL}
		}
	}
	return out
}
