package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// plain says in plain words what cobra found wrong with a call. It repeats nothing
// of the call that is not a name of ours: anything else may be a key in the wrong
// place.
func plain(cmd *cobra.Command, args []string, err error) error {
	text := err.Error()
	for beginning, say := range map[string]func(cmd *cobra.Command, args []string, rest string) string{
		"unknown command ":                        unknownCommand,
		"unknown flag: ":                          unknownFlag,
		"unknown shorthand flag:":                 unknownShorthand,
		"bad flag syntax: ":                       unknownFlag,
		"flag needs an argument:":                 valueMissing,
		"required flag(s) ":                       flagsMissing,
		"accepts ":                                wrongCount,
		"requires at least ":                      wrongCount,
		"at least one of the flags in the group ": oneOfMissing,
		"if any flags in the group ":              flagsTogether,
	} {
		if rest, ok := strings.CutPrefix(text, beginning); ok {
			return errors.New(say(cmd, args, rest))
		}
	}
	if rest, ok := strings.CutPrefix(text, "invalid argument "); ok {
		return errors.New(wrongValue(rest, errors.Unwrap(err)))
	}
	return err
}

// unknownCommand is also what cobra calls an argument that a command does not take.
func unknownCommand(cmd *cobra.Command, _ []string, rest string) string {
	if !cmd.HasSubCommands() {
		return cmd.Name() + " takes no arguments"
	}
	_, names, _ := strings.Cut(rest, "Did you mean this?\n")
	word, _ := strconv.QuotedPrefix(rest)
	word, _ = strconv.Unquote(word)
	return noCommand(word) + didYouMean(strings.Fields(names))
}

// commandNames are what a command, or a slip of the finger, looks like. A key does not.
var commandNames = regexp.MustCompile(`^[a-z]{1,12}(-[a-z]{1,12})?$`)

// noCommand repeats a word that is no command if it looks like one.
func noCommand(word string) string {
	if commandNames.MatchString(word) {
		return fmt.Sprintf("there is no command %q", word)
	}
	return "there is no such command"
}

func unknownFlag(cmd *cobra.Command, args []string, rest string) string {
	if cmd.Name() == "exec" && !slices.Contains(args, "--") { // it may well be the command's
		return errCommandAfterDash.Error()
	}
	what := "an argument"
	if i := slices.IndexFunc(args, func(arg string) bool { return arg == rest || strings.HasPrefix(arg, rest+"=") }); i >= 0 {
		what = fmt.Sprintf("argument %d", i+1)
	}
	return what + " is a flag that " + cmd.Name() + " does not have" + didYouMean(similarFlags(cmd, strings.TrimLeft(rest, "-")))
}

func unknownShorthand(cmd *cobra.Command, args []string, rest string) string {
	_, letters, _ := strings.Cut(rest, " in ")
	return unknownFlag(cmd, args, letters)
}

func valueMissing(_ *cobra.Command, _ []string, rest string) string {
	return strings.TrimSpace(rest) + " needs a value"
}

func flagsMissing(cmd *cobra.Command, _ []string, rest string) string {
	names := strings.FieldsFunc(strings.TrimSuffix(rest, " not set"), func(r rune) bool { return strings.ContainsRune(`", `, r) })
	return cmd.Name() + " needs " + enumerate(flagNames(names), " and ")
}

func oneOfMissing(cmd *cobra.Command, _ []string, rest string) string {
	return cmd.Name() + " needs one of " + enumerate(flagNames(bracketed(rest)), " or ")
}

func flagsTogether(_ *cobra.Command, _ []string, rest string) string {
	_, given, exclusive := strings.Cut(rest, "none of the others can be; ")
	if !exclusive {
		_, missing, _ := strings.Cut(rest, "missing ")
		return enumerate(flagNames(bracketed(missing)), " and ") + " must be given too"
	}
	return "give one of " + enumerate(flagNames(bracketed(given)), " and ") + ", not several"
}

// wrongCount names the arguments that a command takes by its usage line.
func wrongCount(cmd *cobra.Command, _ []string, _ string) string {
	var wanted []string
	more := false
	for _, one := range arguments(cmd) {
		switch {
		case one.optional:
			more = true
		case one.many:
			wanted = append(wanted, "at least one "+one.name)
		default:
			wanted = append(wanted, "one "+one.name)
		}
	}
	if cmd.Flags().NArg() < max(1, len(wanted)) {
		return cmd.Name() + " needs " + cmp.Or(enumerate(wanted, " and "), "more arguments")
	}
	if more || len(wanted) == 0 {
		return "these are too many arguments for " + cmd.Name()
	}
	return cmd.Name() + " takes " + enumerate(wanted, " and ") + " and nothing else"
}

// argument is what a usage line shows of an argument.
type argument struct {
	name           string
	optional, many bool
}

// arguments are those of a command's usage line, up to its flags.
func arguments(cmd *cobra.Command) (found []argument) {
	for _, word := range strings.Fields(cmd.Use)[1:] {
		name, _, _ := strings.Cut(strings.Trim(word, "[]"), "|")
		if strings.HasPrefix(name, "-") {
			break
		}
		found = append(found, argument{
			name: strings.TrimSuffix(name, "..."), optional: strings.HasPrefix(word, "["), many: strings.Contains(word, "..."),
		})
	}
	return found
}

// argumentAt is the name of the argument at an index; empty: there is none.
func argumentAt(cmd *cobra.Command, index int) string {
	for i, one := range arguments(cmd) {
		if i == index || one.many {
			return one.name
		}
	}
	return ""
}

// wrongValue is for a value that a flag does not take: of ours, the cause says what
// it does take, and without the value.
func wrongValue(rest string, cause error) string {
	quoted, _ := strconv.QuotedPrefix(rest)
	flag, _, _ := strings.Cut(strings.TrimPrefix(rest, quoted+` for "`), `"`)
	number, ok := errors.AsType[*strconv.NumError](cause)
	switch {
	case ok && number.Func == "ParseBool":
		return flag + " takes no value"
	case ok:
		return flag + " must be a whole number"
	}
	return fmt.Sprintf("%s: %v", flag, cause)
}

// similarFlags are the flags of a command that could have been meant, as cobra
// compares the names of commands.
func similarFlags(cmd *cobra.Command, typed string) []string {
	var names []string
	for word := range strings.FieldsSeq(cmd.Flags().FlagUsages()) {
		if name, ok := strings.CutPrefix(word, "--"); ok && cmd.Flags().Lookup(name) != nil {
			names = append(names, name)
		}
	}
	typed, _, _ = strings.Cut(typed, "=")
	return flagNames(similar(names, typed))
}

// similar are the names that could have been meant, as cobra compares them.
func similar(names []string, typed string) []string {
	if typed == "" {
		return nil
	}
	all := &cobra.Command{SuggestionsMinimumDistance: 2}
	for _, name := range names {
		all.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	return slices.Compact(slices.Sorted(slices.Values(all.SuggestionsFor(typed))))
}

func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; did you mean " + enumerate(names, " or ") + "?"
}

// bracketed are the words in the first brackets of a text.
func bracketed(text string) []string {
	_, text, _ = strings.Cut(text, "[")
	text, _, _ = strings.Cut(text, "]")
	return strings.Fields(text)
}

func flagNames(names []string) []string {
	flags := make([]string, len(names))
	for i, name := range names {
		flags[i] = "--" + name
	}
	return flags
}

// enumerate joins words as people do.
func enumerate(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	end := len(words) - 1
	return strings.Join(words[:end], ", ") + last + words[end]
}
