// Package envformat writes environment variables in the formats that shells and tools read, and
// into files. A format writes a value exactly, or refuses it.
package envformat

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Variable is one variable of an environment.
type Variable struct{ Name, Value string }

// Refusal says why a name, value or file is refused. It never contains a value.
type Refusal struct {
	Provider, Field string // of the variable, if known
	Detail, Hint    string
	BadName         bool // no variable can have the name made from provider and field
}

// Error says what is refused and why.
func (r *Refusal) Error() string { return r.Detail }

// dialect is how a format writes an environment. In a file, mark replaces head, so that
// vaultkit recognizes its own files.
type dialect struct {
	head, between, tail string
	entry               func(Variable) (string, error)
	mark                string
}

// mark is the first line of a file in a format with comments. It is only in files: in eval
// $(vaultkit env) without quotes, it would turn everything after it into a comment. It contains
// nothing that has a meaning in any format.
const mark = "# Written by vaultkit. It replaces this file as a whole.\n"

var dialects = map[string]dialect{
	"sh":         {entry: sh, mark: mark},
	"dotenv":     {entry: dotenv, mark: mark},
	"docker":     {entry: docker, mark: mark},
	"fish":       {entry: fish, mark: mark},
	"powershell": {entry: powershell, mark: mark},
	"github":     {entry: github},
	"json":       {"{\n", ",\n", "\n}\n", jsonEntry, jsonMark},
}

// IsAppended reports whether the format adds to an existing file, which another program owns.
func IsAppended(format string) bool { return format == "github" }

// CheckFormat refuses an unknown format.
func CheckFormat(format string) error {
	if _, known := dialects[format]; known {
		return nil
	}
	all := slices.Sorted(maps.Keys(dialects))
	return &Refusal{Detail: "unknown environment format", Hint: "choose one of " + strings.Join(all, ", ")}
}

// Encode writes the variables in a format. It refuses all of them if it cannot write one.
func Encode(format string, variables []Variable) ([]byte, error) {
	if err := CheckFormat(format); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	d, seen := dialects[format], make(map[string]bool, len(variables))
	out.WriteString(d.head)
	for i, v := range variables {
		if err := checkVariable(v, seen[v.Name]); err != nil {
			return nil, err
		}
		seen[v.Name] = true
		entry, err := d.entry(v)
		if err != nil {
			return nil, &Refusal{Detail: fmt.Sprintf("the value of %s cannot be written as %s: it %v", v.Name, format, err),
				Hint: "choose another format, such as json, or use vaultkit exec"}
		}
		if i > 0 {
			out.WriteString(d.between)
		}
		out.WriteString(entry)
	}
	out.WriteString(d.tail)
	return out.Bytes(), nil
}

// withMark returns the output of Encode as the content of a file.
func withMark(format string, content []byte) []byte {
	d := dialects[format]
	return append([]byte(d.mark), bytes.TrimPrefix(content, []byte(d.head))...)
}

func checkVariable(v Variable, again bool) error {
	if err := CheckName(v.Name); err != nil {
		return err
	}
	if again {
		return &Refusal{Detail: v.Name + " is set twice", Hint: "remove one of them"}
	}
	if err := checkValue(v.Value); err != nil {
		return &Refusal{Detail: fmt.Sprintf("the value of %s %v", v.Name, err), Hint: hintEncode}
	}
	return nil
}

const hintEncode = "store it as text, for example in base64"

// checkValue refuses a value that not every format can hold.
func checkValue(value string) error {
	switch {
	case strings.ContainsRune(value, 0):
		return fmt.Errorf("contains a NUL byte, which no variable can hold")
	case !utf8.ValidString(value):
		return fmt.Errorf("is not valid UTF-8")
	}
	return nil
}
