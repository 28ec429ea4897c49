package endpoint

import (
	"fmt"
	"maps"
	"sort"
	"time"

	"goblin/vaultkit/internal/memvault/field"
)

// Params holds a request's validated parameters. A method returns the zero value for an
// absent one.
type Params struct {
	kinds  map[string]field.Kind
	values map[string]any
}

func newParams(e *Endpoint, raw map[string]any) (Params, error) {
	p := Params{kinds: e.Fields, values: make(map[string]any)}
	for _, name := range sortedNames(raw) {
		kind, known := e.Fields[name]
		if kind == field.Unsupported {
			continue
		}
		if text, isText := raw[name].(string); !known && isText {
			p.values[name] = text // maybe a part of the path
			continue
		}
		if !known {
			continue
		}
		value, err := kind.Convert(raw[name])
		if err != nil {
			return Params{}, fmt.Errorf("error converting input for field %q: %w", name, err)
		}
		if value != nil {
			p.values[name] = value
		}
	}
	return p, nil
}

func sortedNames(raw map[string]any) []string {
	names := make([]string, 0, len(raw))
	for name := range raw {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// With returns the parameters with another text for one of them.
func (p Params) With(name, text string) Params {
	values := maps.Clone(p.values)
	values[name] = text
	return Params{kinds: p.kinds, values: values}
}

// Has reports whether the parameter was given.
func (p Params) Has(name string) bool {
	_, ok := p.values[name]
	return ok
}

// Text returns a parameter of kind String.
func (p Params) Text(name string) string { return get[string](p, name) }

// Bool returns a parameter of kind Bool.
func (p Params) Bool(name string) bool { return get[bool](p, name) }

// Int returns a parameter of kind Int.
func (p Params) Int(name string) int { return get[int](p, name) }

// Map returns a parameter of kind Map. It is nil for a null.
func (p Params) Map(name string) map[string]any { return get[map[string]any](p, name) }

// Duration returns a parameter of kind Duration or SignedDuration.
func (p Params) Duration(name string) time.Duration { return get[time.Duration](p, name) }

// Ints returns a parameter of kind Ints.
func (p Params) Ints(name string) []int { return get[[]int](p, name) }

// Strings returns a parameter of kind Strings.
func (p Params) Strings(name string) []string { return get[[]string](p, name) }

// Pairs returns a parameter of kind Pairs.
func (p Params) Pairs(name string) map[string]string { return get[map[string]string](p, name) }

func get[T any](p Params, name string) T {
	value, _ := p.values[name].(T)
	return value
}
