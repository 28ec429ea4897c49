// Package endpoint describes paths of Vault's API: the parameters they take and what each
// operation does. A table of endpoints treats parameters as every engine of Vault does:
// it validates those it knows, warns about those it does not know, and refuses those that
// the real Vault honours and the in-process one does not.
package endpoint

import (
	"fmt"
	"regexp"
	"sort"

	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
)

// Handler carries out an operation.
type Handler func(*logical.Request, Params) (*logical.Response, error)

// Endpoint is a path, or a family of paths.
type Endpoint struct {
	// Pattern is a regular expression for the whole path inside the mount. Named groups
	// are parameters, of kind String if Fields does not have them.
	Pattern string

	Fields     map[string]field.Kind
	Operations map[logical.Operation]Handler

	// Exists decides whether an Update is a Create. Without it an Update stays one.
	Exists func(Params) bool

	// Arbitrary says that the path takes any parameter.
	Arbitrary bool
}

// Table is a list of endpoints. The first one that matches serves a request.
type Table struct {
	endpoints []Endpoint
	patterns  []*regexp.Regexp
}

// NewTable compiles a table.
func NewTable(endpoints ...Endpoint) *Table {
	t := &Table{endpoints: endpoints}
	for _, e := range endpoints {
		t.patterns = append(t.patterns, regexp.MustCompile("^"+e.Pattern+"$"))
	}
	return t
}

// route returns the endpoint and the parameters that the path holds, or nil.
func (t *Table) route(path string) (*Endpoint, map[string]string) {
	for i, pattern := range t.patterns {
		match := pattern.FindStringSubmatch(path)
		if match == nil {
			continue
		}
		captured := make(map[string]string)
		for n, name := range pattern.SubexpNames() {
			if name != "" {
				captured[name] = match[n]
			}
		}
		return &t.endpoints[i], captured
	}
	return nil, nil
}

// Exists reports whether the path has an existence check, and what it says.
func (t *Table) Exists(r *logical.Request) (checked, exists bool, err error) {
	e, captured := t.route(r.Path)
	switch {
	case e == nil:
		return false, false, logical.UnsupportedPath()
	case e.Exists == nil:
		return false, false, nil
	}
	params, err := e.params(r, captured)
	if err != nil {
		return false, false, err
	}
	return true, e.Exists(params), nil
}

// Handle serves a request.
func (t *Table) Handle(r *logical.Request) (*logical.Response, error) {
	e, captured := t.route(r.Path)
	if e == nil {
		return nil, logical.UnsupportedPath()
	}
	handler := e.Operations[r.Operation]
	if handler == nil {
		return nil, logical.UnsupportedOperation()
	}
	params, err := e.params(r, captured)
	if err != nil {
		return nil, logical.Refuse("Field validation failed: %s", err)
	}
	if name := e.refused(r.Data); name != "" {
		return nil, logical.Unsupported(fmt.Sprintf("the parameter %s of %s", name, r.Mount+r.Path))
	}
	response, err := handler(r, params)
	if err != nil || response == nil || response.Status != 0 {
		return response, err
	}
	e.warn(response, r.Data, captured)
	return response, nil
}

// params validates the parameters. What the path holds takes precedence.
func (e *Endpoint) params(r *logical.Request, captured map[string]string) (Params, error) {
	raw := make(map[string]any)
	for name, value := range r.Data {
		raw[name] = value
	}
	for name, value := range captured {
		raw[name] = value
	}
	return newParams(e, raw)
}

// refused returns the first given parameter that only the real Vault honours. Clients send
// some with a zero value, which asks for nothing.
func (e *Endpoint) refused(data map[string]any) string {
	var names []string
	for name := range data {
		if kind, known := e.Fields[name]; known && kind == field.Unsupported && !field.IsZero(data[name]) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	sort.Strings(names)
	return names[0]
}

// warn tells the client about the parameters that had no effect.
func (e *Endpoint) warn(response *logical.Response, data map[string]any, captured map[string]string) {
	var ignored, replaced []string
	for name, value := range data {
		_, inPath := captured[name]
		if _, known := e.Fields[name]; !known && !inPath && !e.Arbitrary {
			ignored = append(ignored, name)
		}
		if inPath && value != nil {
			replaced = append(replaced, name)
		}
	}
	sort.Strings(ignored)
	sort.Strings(replaced)
	if len(ignored) > 0 {
		response.Warn(fmt.Sprintf("Endpoint ignored these unrecognized parameters: %v", ignored))
	}
	if len(replaced) > 0 {
		response.Warn(fmt.Sprintf(
			"Endpoint replaced the value of these parameters with the values captured from the endpoint's path: %v", replaced))
	}
}
