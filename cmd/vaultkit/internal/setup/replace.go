package setup

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

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
	check  func(current map[string]any) error
	keeps  []string // settings that the config keeps, although no flag names them
	drops  []string // settings that it loses
	ignore []string // settings that Vault keeps, or that are none
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
	others, err := o.otherSettings(current)
	o.fields = append(o.fields, others...)
	return Replace, "all roles of this auth mount depend on its config", err
}

// otherSettings returns the settings of a config that no flag names: Vault writes a config as a
// whole. It refuses a setting that it cannot keep.
func (o *object) otherSettings(current map[string]any) (fields []field, err error) {
	named := func(name string) bool {
		return slices.ContainsFunc(o.fields, func(f field) bool { return f.name == name })
	}
	for _, name := range slices.Sorted(maps.Keys(current)) {
		value, simple := settingOf(current[name])
		switch {
		case current[name] == nil || simple && isZero(value) && value != false, named(name), slices.Contains(o.replacing.ignore, name):
		case slices.Contains(o.replacing.drops, name):
			fields = append(fields, field{name: name, drop: true})
		case slices.Contains(o.replacing.keeps, name) && simple && canBeShown(value):
			fields = append(fields, field{name: name, value: value})
		case !simple || !isZero(value):
			return nil, &vaultkit.Error{Path: o.path, Kind: vaultkit.ErrInvalid,
				Detail: "Vault would lose the setting " + terminal.Printable(name) + ", because setup cannot write it",
				Hint:   "write the config yourself, or name another path for the auth mount"}
		}
	}
	return fields, nil
}

// canBeShown reports whether a value can be in a printed command that has the same effect.
func canBeShown(value any) bool {
	list, isList := value.([]string)
	if text, isText := value.(string); isText {
		list = []string{text}
	}
	for _, text := range list {
		isPEM := strings.HasPrefix(text, "-----BEGIN ") && !strings.Contains(text, "PRIVATE KEY")
		unprintable := func(r rune) bool { return !unicode.IsPrint(r) && (r != '\n' || !isPEM) }
		if strings.ContainsFunc(text, unprintable) || text == "-" || strings.HasPrefix(text, `\@`) || isList && strings.Contains(text, ",") {
			return false
		}
	}
	return true
}

// settingOf returns a value of Vault as the value of a field.
func settingOf(current any) (value any, ok bool) {
	switch v := current.(type) {
	case string, bool:
		return current, true
	case []any:
		return texts(current)
	case json.Number:
		return "", v == "0"
	case map[string]any:
		return "", len(v) == 0
	}
	return nil, false
}

// isForOthers is the error for a role that lets somebody else in.
func (o *object) isForOthers(others string) error {
	return &vaultkit.Error{Path: o.path, Kind: vaultkit.ErrInvalid,
		Detail: fmt.Sprintf("the %s is for %s", o, terminal.Printable(others)),
		Hint:   fmt.Sprintf("name another path with %s, or give %s to take it away from them", o.replacing.pathFlag, o.replacing.flag)}
}

// hasOthers reports whether a list has names that are not wanted. A name with a wildcard stands for
// all that it matches.
func hasOthers(list, wanted []string) bool {
	return slices.ContainsFunc(list, func(name string) bool {
		pattern := regexp.MustCompile("^(?s:" + strings.ReplaceAll(regexp.QuoteMeta(name), `\*`, ".*") + ")$")
		return !slices.ContainsFunc(wanted, pattern.MatchString)
	})
}
