package setup

import (
	"fmt"
	"slices"
	"strings"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// replacing says what becomes of an object that somebody else uses. It stays as it is, unless a
// flag says otherwise.
type replacing struct {
	allowed        bool
	flag, pathFlag string // the flag that allows it; the flag that names another path

	// otherLogins returns whom a role lets in who would lose it; empty: nobody.
	otherLogins func(current map[string]any) string

	// check refuses to write a config of which Vault does not show everything.
	check func(current map[string]any) error
	keeps []string // settings that the config keeps, although no flag names them
	drops []string // settings that it loses
}

// The flags that allow it.
const (
	replaceRoleFlag   = "--replace-role"
	replaceConfigFlag = "--replace-config"
)

// action compares an object with what Vault has. It returns what is to be done, and what differs in
// an object that stays as it is.
func (o *object) action(current map[string]any) (action Action, note string, err error) {
	switch {
	case current == nil:
		return Create, "", nil
	case o.inspect != nil:
		return o.actionForShared(current)
	case len(o.differing(current)) == 0:
		return Keep, "", nil
	case o.replacing.otherLogins == nil:
		return Restore, "", nil
	}
	switch others := o.replacing.otherLogins(current); {
	case others == "":
		return Restore, "", nil
	case o.replacing.allowed:
		return Replace, "", nil
	default:
		return "", "", o.isForOthers(others)
	}
}

// actionForShared is for an object that others may use.
func (o *object) actionForShared(current map[string]any) (Action, string, error) {
	note, err := o.inspect(current)
	if !o.replacing.allowed || note == "" && err == nil {
		return Keep, note, err
	}
	if err := o.replacing.check(current); err != nil {
		return "", "", err
	}
	o.fields = append(o.fields, o.untold(current)...)
	return Replace, "", nil
}

// untold returns the settings of a config that no flag names: Vault writes a config as a whole.
func (o *object) untold(current map[string]any) (fields []field) {
	named := func(name string) bool {
		return slices.ContainsFunc(o.fields, func(f field) bool { return f.name == name })
	}
	for _, name := range o.replacing.keeps {
		if value, ok := settingOf(current[name]); ok && !named(name) {
			fields = append(fields, field{name: name, value: value})
		}
	}
	for _, name := range o.replacing.drops {
		if value, ok := settingOf(current[name]); current[name] == nil || ok && isZero(value) || named(name) {
			continue
		}
		fields = append(fields, field{name: name, drop: true})
	}
	return fields
}

// settingOf returns a value of Vault as the value of a field.
func settingOf(current any) (value any, ok bool) {
	switch current.(type) {
	case string, bool:
		return current, true
	case []any:
		return texts(current)
	}
	return nil, false
}

// isForOthers is the error for a role that lets somebody else in.
func (o *object) isForOthers(others string) error {
	return &vaultkit.Error{Path: o.path, Kind: vaultkit.ErrInvalid,
		Detail: fmt.Sprintf("the %s is for %s, who would lose it", o, terminal.Printable(others)),
		Hint:   fmt.Sprintf("name another path with %s, or give %s to take it away from them", o.replacing.pathFlag, o.replacing.flag)}
}

// lacks reports whether a list has names that the wanted one has not. A wildcard is no name.
func lacks(wanted, list []string) bool {
	return slices.ContainsFunc(list, func(name string) bool {
		return !strings.Contains(name, "*") && !slices.Contains(wanted, name)
	})
}
