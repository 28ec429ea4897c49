package setup

import (
	"context"
	"slices"
	"strings"
)

// object is one thing that a Vault must have.
type object struct {
	kind, name string // "policy", "vaultkit-rotator"
	path       string // to which it is written
	fields     []field
	// read returns what Vault has; nil: nothing.
	read func(context.Context, *server) (map[string]any, error)
	// inspect looks at one that is there and may be others' too, which stays as it is. It returns
	// what differs in it and matters, or an error if it cannot be used. nil: one that is there is
	// vaultkit's own, and is restored.
	inspect   func(current map[string]any) (note string, err error)
	replacing replacing

	listed  bool   // read looks it up in a list, not at its path
	sudo    bool   // its path needs the capability sudo
	creates bool   // Vault asks for the capability create for a new one
	command string // the equivalent vault command; empty: a vault write of the fields
	hint    string // what to do when Vault refuses the values
}

// field is a parameter that an object must have.
type field struct {
	name  string
	value any                    // string, bool, int, time.Duration, []string, claims or policyText
	file  string                 // from which the value comes; empty: none. The value is not shown.
	hide  bool                   // Vault does not show the value: it cannot be compared
	drop  bool                   // it is not written, so that Vault forgets the value that it has
	same  func(current any) bool // compares; nil: sameValue
}

// policyText is the text of a policy. printedBy is the command that prints it.
type policyText struct{ text, printedBy string }

// readPath reads the object from its path.
func (o *object) readPath(ctx context.Context, s *server) (map[string]any, error) {
	return s.read(ctx, o.path)
}

// body returns what is written. A field that is there several times is a list.
func (o *object) body() map[string]any {
	body := map[string]any{}
	for _, f := range o.written() {
		switch before := body[f.name].(type) {
		case nil:
			body[f.name] = wireValue(f.value)
		case []any:
			body[f.name] = append(before, wireValue(f.value))
		default:
			body[f.name] = []any{before, wireValue(f.value)}
		}
	}
	return body
}

// differing returns the fields with another value in Vault.
func (o *object) differing(current map[string]any) (found []field) {
	for _, f := range o.fields {
		if !f.hide && !f.is(current[f.name]) {
			found = append(found, f)
		}
	}
	return found
}

// hidden returns the fields that are written with the others, and that Vault does not show.
func (o *object) hidden() []field {
	return slices.DeleteFunc(slices.Clone(o.fields), func(f field) bool { return !f.hide })
}

// is reports whether Vault has the value.
func (f *field) is(current any) bool {
	if f.same != nil {
		return f.same(current)
	}
	return sameValue(f.value, current)
}

// written returns the fields that a request has.
func (o *object) written() []field {
	return slices.DeleteFunc(slices.Clone(o.fields), func(f field) bool { return f.drop })
}

// String returns what the object is.
func (o *object) String() string { return o.kind + " " + o.name }

// authPath returns the API path of an auth mount.
func authPath(mount string, more ...string) string {
	return strings.Join(append([]string{"auth", mount}, more...), "/")
}
