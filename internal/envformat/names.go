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

// CheckPrefix refuses a prefix that no name can start with. It accepts the empty prefix.
func CheckPrefix(prefix string) error {
	if prefixGrammar.MatchString(prefix) {
		return nil
	}
	return &Refusal{Detail: "the prefix cannot start the name of a variable",
		Hint: "use letters, digits and _, and do not start with a digit"}
}

// CheckName refuses invalid names, and dangerous ones. Its error contains only dangerous names:
// an invalid one may be a misplaced value.
func CheckName(name string) error {
	switch {
	case name != "" && name[0] >= '0' && name[0] <= '9':
		return &Refusal{Detail: "the name of a variable cannot start with a digit", Hint: "put a prefix before the names"}
	case !nameGrammar.MatchString(name):
		return &Refusal{Detail: "the name of a variable can contain only letters, digits and _", Hint: "rename it"}
	case isReserved(name):
		return dangerousNameError(name)
	}
	return nil
}

func dangerousNameError(name string) error {
	return &Refusal{Detail: name + " would change how other programs run", Hint: "rename the field, or put a prefix such as APP_ before the names"}
}

// Name returns the name of the variable for a provider's field.
func Name(prefix, provider, field string) (string, error) {
	if err := CheckPrefix(prefix); err != nil {
		return "", err
	}
	name := prefix + upperName(provider) + "_" + upperName(field)
	err := CheckName(name)
	if err == nil && !strings.HasSuffix(prefix, "_") && hasDangerousEnding(name) {
		err = dangerousNameError(name)
	}
	if why, refused := errors.AsType[*Refusal](err); refused {
		return "", &Refusal{Provider: provider, Field: field, BadName: true, Hint: why.Hint,
			Detail: fmt.Sprintf("%s, for field %q of %s: %s", name, field, provider, why.Detail)}
	}
	return name, nil
}

// Environment collects the variables of providers' fields.
type Environment struct {
	prefix    string
	variables map[string]origin
}

type origin struct{ provider, field, value string }

// New returns an empty environment whose names start with a prefix.
func New(prefix string) (*Environment, error) {
	if err := CheckPrefix(prefix); err != nil {
		return nil, err
	}
	return &Environment{prefix, make(map[string]origin)}, nil
}

// Add adds a provider's field. It may refuse its name or value.
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
			"rename one of them, or name only the providers that you need")
	}
	if err := checkValue(value); err != nil {
		return refuse("the value "+err.Error(), hintEncode)
	}
	e.variables[name] = origin{provider, field, value}
	return nil
}

// Variables returns all added variables, by name.
func (e *Environment) Variables() []Variable {
	variables := make([]Variable, 0, len(e.variables))
	for _, name := range slices.Sorted(maps.Keys(e.variables)) {
		variables = append(variables, Variable{name, e.variables[name].value})
	}
	return variables
}

// upperName turns openai-gpt4 into OPENAI_GPT4: ASCII letters in upper case, and _ for
// everything except digits.
func upperName(text string) string {
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
