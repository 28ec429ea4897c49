package logical

import (
	"encoding/json"
	"maps"
	"net/http"
	"time"
)

// Response is an engine's answer. A nil response means 404 for a read or a list, and 204
// for everything else.
type Response struct {
	Status   int // 0 for the usual one
	Data     map[string]any
	Warnings []string
	Auth     *Auth
	Wrap     *Wrap
	Lease    int    // lease_duration in seconds
	Mount    string // the engine's type, set by the core
	Raw      []byte // the whole body, if it was encoded before

	HideMount   bool // the response does not show the engine's type
	NoMountType bool // nor a member for it, as OpenBao
}

// Bare returns a response that is a status and nothing else.
func Bare(status int) *Response { return &Response{Status: status} }

// Auth is the part of a response that hands out a token.
type Auth struct {
	ClientToken      string            `json:"client_token"`
	Accessor         string            `json:"accessor"`
	Policies         []string          `json:"policies"`
	TokenPolicies    []string          `json:"token_policies,omitempty"`
	IdentityPolicies []string          `json:"identity_policies,omitempty"`
	Metadata         map[string]string `json:"metadata"`
	LeaseDuration    int               `json:"lease_duration"`
	Renewable        bool              `json:"renewable"`
	EntityID         string            `json:"entity_id"`
	TokenType        string            `json:"token_type"`
	Orphan           bool              `json:"orphan"`
	MFARequirement   any               `json:"mfa_requirement"`
	NumUses          int               `json:"num_uses"`
}

// Wrap is the part of a response that says where its content was put.
type Wrap struct {
	Token           string    `json:"token"`
	Accessor        string    `json:"accessor"`
	TTL             int       `json:"ttl"`
	CreationTime    time.Time `json:"creation_time"`
	CreationPath    string    `json:"creation_path"`
	WrappedAccessor string    `json:"wrapped_accessor,omitempty"`
}

// Warn appends a warning.
func (r *Response) Warn(text string) { r.Warnings = append(r.Warnings, text) }

// envelope is the JSON object around every successful response.
type envelope struct {
	RequestID     string         `json:"request_id"`
	LeaseID       string         `json:"lease_id"`
	Renewable     bool           `json:"renewable"`
	LeaseDuration int            `json:"lease_duration"`
	Data          map[string]any `json:"data"`
	Wrap          *Wrap          `json:"wrap_info"`
	Warnings      []string       `json:"warnings"`
	Auth          *Auth          `json:"auth"`
	Mount         *string        `json:"mount_type,omitempty"`
}

// Encode returns the body of the response to the request with the given id. A flat one
// repeats the members of data at the top level, as most paths below sys/ do.
func (r *Response) Encode(requestID string, flat bool) ([]byte, error) {
	if r.Raw != nil || r.isBare() {
		return r.Raw, nil
	}
	if r.Wrap != nil {
		return encodeLine(envelope{Wrap: r.Wrap, Mount: r.mountType("")})
	}
	about := envelope{
		RequestID: requestID, LeaseDuration: r.Lease, Data: r.Data, Warnings: r.Warnings, Auth: r.Auth, Mount: r.mountType(r.Mount),
	}
	if r.Status != 0 {
		about.Mount = r.mountType("")
		return json.Marshal(about) // without the newline, as on the wire
	}
	if flat {
		return encodeFlat(about)
	}
	return encodeLine(about)
}

// mountType returns the member for the engine's type, or nil for none.
func (r *Response) mountType(kind string) *string {
	if r.NoMountType {
		return nil
	}
	return &kind
}

func (r *Response) isBare() bool {
	return r.Status != 0 && r.Data == nil && len(r.Warnings) == 0 && r.Auth == nil && r.Wrap == nil
}

// encodeFlat adds the members of data that the envelope does not have itself.
func encodeFlat(about envelope) ([]byte, error) {
	text, err := json.Marshal(about)
	if err != nil {
		return nil, err
	}
	var own map[string]json.RawMessage
	if err := json.Unmarshal(text, &own); err != nil {
		return nil, err
	}
	all := maps.Clone(about.Data)
	if all == nil {
		all = make(map[string]any)
	}
	for name, value := range own {
		all[name] = value
	}
	return encodeLine(all)
}

func encodeLine(body any) ([]byte, error) {
	text, err := json.Marshal(body)
	return append(text, '\n'), err
}

// Missing reports whether the response to an operation is a 404 without a text: a read
// that found nothing, or a list without keys.
func (r *Response) Missing(op Operation) bool {
	switch {
	case r == nil:
		return op == Read || op == List || op == Header
	case op != List || r.Status != 0 || r.Wrap != nil:
		return false
	}
	keys, listed := r.Data["keys"].([]string)
	if !listed {
		return len(r.Data) == 0 && len(r.Warnings) == 0
	}
	return len(keys) == 0
}

// Listing returns the response to a list.
func Listing(keys []string) *Response {
	if len(keys) == 0 {
		return &Response{Data: map[string]any{}}
	}
	return &Response{Data: map[string]any{"keys": keys}}
}

// HTTPStatus returns the HTTP status of a response.
func (r *Response) HTTPStatus() int {
	if r.Status != 0 {
		return r.Status
	}
	return http.StatusOK
}
