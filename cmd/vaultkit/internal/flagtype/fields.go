package flagtype

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// fieldNames matches usual names of fields. A key in the wrong place is longer, or has
// capitals or more digits.
var fieldNames = regexp.MustCompile(`^[a-z]+[0-9]{0,3}([_.-][a-z]+[0-9]{0,3}){0,5}$`)

// fieldLabel returns the name of a field for an error, or its position if the name may
// be a key in the wrong place.
func fieldLabel(name string, position int) string {
	if len(name) <= 32 && fieldNames.MatchString(name) {
		return fmt.Sprintf("field %q", name)
	}
	return fmt.Sprintf("field %d", position)
}

// Fields reads the values of the arguments: FIELD=@file, FIELD=- or FIELD=value.
func (s SecretReader) Fields(ctx context.Context, args []string) (vaultkit.ProviderKeys, error) {
	keys := make(vaultkit.ProviderKeys, len(args))
	visible, stdin := false, false
	for i, arg := range args {
		name, from, ok := strings.Cut(arg, "=")
		what := fmt.Sprintf("field %d", i+1)
		if ok {
			what = fieldLabel(name, i+1)
		}
		_, twice := keys[name]
		switch {
		case !ok || name == "":
			return nil, exitcode.UsageErrorf("%s is not FIELD=@file, FIELD=- or FIELD=value", what)
		case twice:
			return nil, exitcode.UsageErrorf("%s is given twice", what)
		case from == "-" && stdin && !terminal.IsTerminal(s.IO.In):
			return nil, exitcode.UsageErrorf("only one field can come from a file or pipe on standard input")
		}
		value, err := s.field(ctx, what, name, from)
		if err != nil {
			return nil, err
		}
		keys[name] = value
		stdin = stdin || from == "-"
		visible = visible || from != "-" && !strings.HasPrefix(from, "@")
	}
	if visible {
		s.WarnVisible("FIELD=value", "FIELD=@file or FIELD=-")
	}
	return keys, nil
}

func (s SecretReader) field(ctx context.Context, what, name, from string) (string, error) {
	if from == "-" {
		return s.Stdin(ctx, what, "Value of "+terminal.Cell(name))
	}
	if path, ok := strings.CutPrefix(from, "@"); ok {
		return s.File(ctx, what, path)
	}
	return from, s.Check(what, from)
}

// WarnVisible warns that other users can see a key on the command line.
func (s SecretReader) WarnVisible(given, better string) {
	s.IO.Warn("other users of this machine can see the key in %s while the command runs; prefer %s", given, better)
}
