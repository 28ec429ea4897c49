// Package usage reads the usage line of a command and checks its arguments. Its errors
// say what the command takes, and do not repeat the arguments.
package usage

import (
	"cmp"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit/cmd/vaultkit/internal/namelist"
)

// Argument is an argument in a usage line.
type Argument struct {
	Name           string
	Optional, Many bool
}

// Arguments returns the arguments in the usage line of a command, up to its flags.
func Arguments(cmd *cobra.Command) (found []Argument) {
	for _, word := range strings.Fields(cmd.Use)[1:] {
		name, _, _ := strings.Cut(strings.Trim(word, "[]"), "|")
		if strings.HasPrefix(name, "-") {
			break
		}
		found = append(found, Argument{
			Name: strings.TrimSuffix(name, "..."), Optional: strings.HasPrefix(word, "["), Many: strings.Contains(word, "..."),
		})
	}
	return found
}

// ArgumentAt returns the name of the argument at an index; empty: there is none.
func ArgumentAt(cmd *cobra.Command, index int) string {
	for i, one := range Arguments(cmd) {
		if i == index || one.Many {
			return one.Name
		}
	}
	return ""
}

// WrongCount returns the error for a wrong number of arguments. It names the arguments
// of the usage line, not what was given: that may be a key.
func WrongCount(cmd *cobra.Command, given int) error {
	var wanted []string
	more := false
	for _, one := range Arguments(cmd) {
		switch {
		case one.Optional:
			more = true
		case one.Many:
			wanted = append(wanted, "at least one "+one.Name)
		default:
			wanted = append(wanted, "one "+one.Name)
		}
	}
	if given < max(1, len(wanted)) {
		return errors.New(cmd.Name() + " needs " + cmp.Or(namelist.Join(wanted, " and "), "more arguments"))
	}
	if more || len(wanted) == 0 {
		return errors.New("too many arguments for " + cmd.Name())
	}
	return errors.New(cmd.Name() + " takes " + namelist.Join(wanted, " and ") + " and nothing else")
}

// None refuses all arguments.
func None(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return errors.New(cmd.Name() + " takes no arguments")
	}
	return nil
}

// Exactly requires a number of arguments.
func Exactly(count int) cobra.PositionalArgs { return Between(count, count) }

// AtLeast requires a number of arguments or more.
func AtLeast(least int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least {
			return WrongCount(cmd, len(args))
		}
		return nil
	}
}

// Between requires a number of arguments in a range.
func Between(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return WrongCount(cmd, len(args))
		}
		return nil
	}
}

// ErrNoCommand reports that there is no command after the --.
var ErrNoCommand = errors.New("give the command after --")

// CommandAfterDash requires a command after the --.
func CommandAfterDash(cmd *cobra.Command, args []string) error {
	if before := cmd.ArgsLenAtDash(); before < 0 || before == len(args) {
		return ErrNoCommand
	}
	return nil
}

// RunsCommand reports whether a command takes another command after the --.
func RunsCommand(cmd *cobra.Command) bool { return strings.Contains(cmd.Use, " -- ") }
