package importkeys

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/envreader"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/envfile"
)

// place is where an item belongs; the zero place: nowhere.
type place struct{ provider, field string }

// parsePlaces reads --map. Its errors do not repeat an argument, which may contain a key.
func parsePlaces(args []string) (map[string]place, error) {
	places := make(map[string]place, len(args))
	for i, arg := range args {
		name, target, found := strings.Cut(arg, "=")
		provider, field, both := strings.Cut(target, "/")
		_, again := places[name]
		switch {
		case !found || name == "" || target != "" && (!both || provider == "" || field == ""):
			return nil, exitcode.UsageErrorf("--map number %d is not NAME=PROVIDER/FIELD or NAME=", i+1)
		case again:
			return nil, exitcode.UsageErrorf("--map number %d names a variable of an earlier one", i+1)
		}
		places[name] = place{provider, field}
	}
	return places, nil
}

// mapping finds the place of each item.
type mapping struct {
	prefix string
	places map[string]place    // of --map
	stems  map[string][]string // names of variables without _API_KEY, and the providers that they belong to
}

const keySuffix = "_API_KEY"

// mostName is the length of the longest name that env writes: a prefix, a provider and a field.
const mostName = 1024

// newMapping returns the mapping of a file. A provider is known if it is in Vault or has an API key
// in the file.
func (o *Options) newMapping(items []envreader.Item, existing []string) *mapping {
	m := &mapping{o.Prefix, o.places, make(map[string][]string)}
	for _, provider := range existing {
		if name, err := envfile.Name(o.Prefix, provider, "api_key"); err == nil {
			stem := strings.TrimSuffix(name, keySuffix)
			m.stems[stem] = append(m.stems[stem], provider)
		}
	}
	for _, item := range items {
		stem, isKey := strings.CutSuffix(item.Name, keySuffix)
		short, prefixed := strings.CutPrefix(stem, o.Prefix)
		if _, mapped := o.places[item.ID()]; isKey && prefixed && !mapped && m.stems[stem] == nil {
			m.stems[stem] = []string{strings.ReplaceAll(strings.ToLower(short), "_", "-")}
		}
	}
	return m
}

// Why an item is not imported.
const (
	whyNoProvider = "it is not the name of a provider's field"
	whyEmpty      = "it is empty"
	whyLeftOut    = "--map leaves it out"
)

// of returns the place of an item, or why it has none.
func (m *mapping) of(item envreader.Item) (at place, why string) {
	at, given := m.places[item.ID()]
	switch {
	case given && at == (place{}):
		return at, whyLeftOut
	case given:
		return at, ""
	case item.Value == "" && item.Problem == "":
		return at, whyEmpty
	case item.Name == "":
		return place{item.Provider, item.Field}, ""
	case len(item.Name) > mostName: // looking for the provider in it would take too long
		return place{}, whyNoProvider
	}
	if stem, isKey := strings.CutSuffix(item.Name, keySuffix); isKey {
		return m.check(item.Name, stem, "api_key")
	}
	for end := len(item.Name) - 1; end > 0; end-- {
		if stem := item.Name[:end]; item.Name[end] == '_' && m.stems[stem] != nil {
			return m.check(item.Name, stem, strings.ToLower(item.Name[end+1:]))
		}
	}
	return place{}, whyNoProvider
}

// check returns the place of a variable if vaultkit env gives that variable this name.
func (m *mapping) check(name, stem, field string) (place, string) {
	if len(m.stems[stem]) > 1 {
		return place{}, "it is the name of a field of several providers: " + strings.Join(m.stems[stem], ", ")
	}
	if len(m.stems[stem]) == 1 {
		provider := m.stems[stem][0]
		if made, err := envfile.Name(m.prefix, provider, field); err == nil && made == name {
			return place{provider, field}, ""
		}
	}
	return place{}, whyNoProvider
}

// leftOut is an item that is not imported.
type leftOut struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// unmapped reports whether nobody said where the item belongs.
func (l leftOut) unmapped() bool { return l.Reason != whyEmpty && l.Reason != whyLeftOut }

// target is what is stored for one provider.
type target struct {
	provider string
	keys     vaultkit.ProviderKeys
	from     map[string]string // the names of the items, by field
}

// mapItems returns what is stored for each provider, in the order of the file.
func (o *Options) mapItems(items []envreader.Item, existing []string) (targets []*target, rest []leftOut, err error) {
	m := o.newMapping(items, existing)
	byProvider := make(map[string]*target)
	for _, item := range items {
		at, why := m.of(item)
		if why != "" {
			rest = append(rest, leftOut{item.Label(), why})
			continue
		}
		if err := o.checkItem(item, at); err != nil {
			return nil, nil, err
		}
		to := byProvider[at.provider]
		if to == nil {
			to = &target{at.provider, vaultkit.ProviderKeys{}, map[string]string{}}
			byProvider[at.provider] = to
			targets = append(targets, to)
		}
		if other, taken := to.from[at.field]; taken {
			return nil, nil, exitcode.Invalid(other+" and "+item.Label(), "are both "+at.provider+"/"+at.field,
				"leave one of them out with --map NAME=")
		}
		to.keys[at.field], to.from[at.field] = item.Value, item.Label()
	}
	return targets, rest, o.checkUsed(items)
}

// checkItem refuses a value or a name that put would refuse.
func (o *Options) checkItem(item envreader.Item, at place) error {
	if item.Problem != "" {
		label := item.Label()
		if item.Line > 0 && !strings.HasPrefix(label, "line ") {
			label = fmt.Sprintf("%s, line %d:", label, item.Line)
		}
		return exitcode.Invalid(label, "the value "+item.Problem, "correct it, or leave it out with --map NAME=")
	}
	if err := (flagtype.SecretReader{IO: o.IO, AllowControl: o.AllowControl}).Check(item.Label(), item.Value); err != nil {
		return err
	}
	return o.checkNames(item.Label(), at)
}

// checkNames refuses names that Vault or vaultkit do not accept, and, unless they are allowed, those
// that env and exec cannot turn into a variable.
func (o *Options) checkNames(label string, at place) error {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	if at.field == "" || len(at.field) > 128 || strings.ContainsFunc(at.field, unprintable) {
		return exitcode.Invalid(label, "cannot be a field: its name must be 1 to 128 bytes of printable UTF-8",
			"choose another name with --map, or leave it out with --map NAME=")
	}
	_, err := envfile.Name("", at.provider, at.field)
	why, ok := errors.AsType[*vaultkit.Error](err)
	if !ok || why.Field != "" && o.AllowAnyName { // without a field, the error is about the provider's name
		return nil
	}
	return exitcode.WithHint(err, "To choose another name, add --map NAME=PROVIDER/FIELD. To import any field, add --allow-any-name.")
}

// checkUsed refuses a --map for something that is not there: its name may be misspelled.
func (o *Options) checkUsed(items []envreader.Item) error {
	for i, arg := range o.Map {
		name, _, _ := strings.Cut(arg, "=")
		if !slices.ContainsFunc(items, func(item envreader.Item) bool { return item.ID() == name }) {
			return exitcode.Invalid(fmt.Sprintf("--map number %d", i+1), "names a variable that is not there", "check the name")
		}
	}
	return nil
}
