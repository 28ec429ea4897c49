package envformat

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

var (
	nameGrammar   = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_]*\z`)
	prefixGrammar = regexp.MustCompile(`\A([A-Za-z_][A-Za-z0-9_]*)?\z`)
)

// CheckPrefix refuses a prefix that no name can start with. Empty is none.
func CheckPrefix(prefix string) error {
	if prefixGrammar.MatchString(prefix) {
		return nil
	}
	return &Refusal{Detail: "the prefix cannot start the name of a variable",
		Hint: "use letters, digits and _, and no digit in front"}
}

// CheckName refuses what is no name, and the names that steer programs. It repeats
// only the latter: what is no name may be a value in the wrong place.
func CheckName(name string) error {
	switch {
	case name != "" && name[0] >= '0' && name[0] <= '9':
		return &Refusal{Detail: "the name of a variable cannot start with a digit", Hint: "put a prefix before the names"}
	case !nameGrammar.MatchString(name):
		return &Refusal{Detail: "the name of a variable has letters, digits and _ alone", Hint: "rename it"}
	case dangerous(name):
		return refuseSteering(name)
	}
	return nil
}

func refuseSteering(name string) error {
	return &Refusal{Detail: name + " would steer the programs that see it", Hint: "rename the field, or put a prefix such as APP_ before the names"}
}

// Name is the variable of a provider's field, or a refusal of it.
func Name(prefix, provider, field string) (string, error) {
	if err := CheckPrefix(prefix); err != nil {
		return "", err
	}
	name := prefix + mapName(provider) + "_" + mapName(field)
	err := CheckName(name)
	if err == nil && !strings.HasSuffix(prefix, "_") && steers(name) {
		err = refuseSteering(name)
	}
	if why, refused := errors.AsType[*Refusal](err); refused {
		return "", &Refusal{Provider: provider, Field: field, BadName: true, Hint: why.Hint,
			Detail: fmt.Sprintf("%s, for field %q of %s: %s", name, field, provider, why.Detail)}
	}
	return name, nil
}

// Environment collects variables by the names of providers and fields.
type Environment struct {
	prefix    string
	variables map[string]origin
}

type origin struct{ provider, field, value string }

// New is an environment whose names start with a prefix.
func New(prefix string) (*Environment, error) {
	if err := CheckPrefix(prefix); err != nil {
		return nil, err
	}
	return &Environment{prefix, make(map[string]origin)}, nil
}

// Add adds a provider's field, or refuses its name or value.
func (e *Environment) Add(provider, field, value string) error {
	refuse := func(detail, hint string) error {
		return &Refusal{Provider: provider, Field: field, Detail: detail, Hint: hint}
	}
	name, err := Name(e.prefix, provider, field)
	if err != nil {
		return err
	}
	if other, taken := e.variables[name]; taken {
		return refuse(fmt.Sprintf("field %q of %s and field %q of %s are both %s", other.field, other.provider, field, provider, name),
			"rename one of them, or name the providers to leave one out")
	}
	if err := checkValue(value); err != nil {
		return refuse("the value "+err.Error(), hintEncode)
	}
	e.variables[name] = origin{provider, field, value}
	return nil
}

// Variables are all that were added, by name.
func (e *Environment) Variables() []Variable {
	variables := make([]Variable, 0, len(e.variables))
	for _, name := range slices.Sorted(maps.Keys(e.variables)) {
		variables = append(variables, Variable{name, e.variables[name].value})
	}
	return variables
}

// mapName makes openai-gpt4 OPENAI_GPT4: ASCII letters in upper case, and _ for all
// else but digits.
func mapName(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, text)
}
