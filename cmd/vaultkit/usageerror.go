package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"goblin/vaultkit/cmd/vaultkit/internal/namelist"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

// usageError returns an error that says what is wrong with a call. It does not repeat
// arguments: each may be a key in the wrong place.
func usageError(cmd *cobra.Command, args []string, err error) error {
	if text := flagError(cmd, args, err); text != "" {
		return errors.New(text)
	}
	if _, _, err := cmd.Root().Find(args); err != nil { // its only error
		return errors.New(unknownCommand(cmd.Root(), args))
	}
	if required := cmd.ValidateRequiredFlags(); required != nil && required.Error() == err.Error() {
		return errors.New(cmd.Name() + " needs " + namelist.Join(missingFlags(cmd), " and "))
	}
	if text := flagGroupError(cmd, err.Error()); text != "" {
		return errors.New(text)
	}
	return err
}

// flagError returns the text for an error of parsing flags; empty: it is another error.
func flagError(cmd *cobra.Command, args []string, err error) string {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		if letters := unknown.GetSpecifiedShortnames(); letters != "" {
			return unknownFlag(cmd, args, "-"+letters)
		}
		return unknownFlag(cmd, args, "--"+unknown.GetSpecifiedName())
	}
	if syntax, ok := errors.AsType[*pflag.InvalidSyntaxError](err); ok {
		return unknownFlag(cmd, args, syntax.GetSpecifiedFlag())
	}
	if bare, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return "--" + bare.GetFlag().Name + " needs a value"
	}
	if value, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return wrongValue(value)
	}
	return ""
}

func unknownFlag(cmd *cobra.Command, args []string, flag string) string {
	if usage.RunsCommand(cmd) && !slices.Contains(args, "--") { // the flag may belong to the command
		return usage.ErrNoCommand.Error()
	}
	what := "an argument"
	if i := slices.IndexFunc(args, func(arg string) bool { return arg == flag || strings.HasPrefix(arg, flag+"=") }); i >= 0 {
		what = fmt.Sprintf("argument %d", i+1)
	}
	return what + " is a flag that " + cmd.Name() + " does not have" + didYouMean(similarFlags(cmd, strings.TrimLeft(flag, "-")))
}

// wrongValue returns the text for an invalid value of a flag, without the value. The
// errors of our own flag types say what they accept.
func wrongValue(err *pflag.InvalidValueError) string {
	flag := "--" + err.GetFlag().Name
	if short := err.GetFlag().Shorthand; short != "" {
		flag = "-" + short + ", " + flag
	}
	number, ok := errors.AsType[*strconv.NumError](err)
	switch {
	case ok && number.Func == "ParseBool":
		return flag + " takes no value"
	case ok:
		return flag + " must be a whole number"
	}
	return fmt.Sprintf("%s: %v", flag, err.Unwrap())
}

// similarFlags returns the flags of a command that are similar to the typed one, as
// cobra compares the names of commands.
func similarFlags(cmd *cobra.Command, typed string) []string {
	var names []string
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden {
			names = append(names, flag.Name)
		}
	})
	typed, _, _ = strings.Cut(typed, "=")
	return flagNames(namelist.Similar(names, typed))
}

// unknownCommand returns the text for a first word that is not a command.
func unknownCommand(root *cobra.Command, args []string) string {
	word := firstWord(root, args)
	if word == "" {
		return noCommand(word)
	}
	return noCommand(word) + didYouMean(root.SuggestionsFor(word))
}

// firstWord returns the first argument that is neither a flag of the program nor its
// value.
func firstWord(root *cobra.Command, args []string) string {
	words := pflag.NewFlagSet("", pflag.ContinueOnError)
	words.ParseErrorsAllowlist.UnknownFlags = true
	root.Flags().VisitAll(func(flag *pflag.Flag) {
		words.StringP(flag.Name, flag.Shorthand, "", "")
		words.Lookup(flag.Name).NoOptDefVal = flag.NoOptDefVal
	})
	_ = words.Parse(args) // the words are what is left
	for _, word := range words.Args() {
		if word != "" {
			return word
		}
	}
	return ""
}

// commandNames matches what looks like a command or a typo of one. A key does not
// match.
var commandNames = regexp.MustCompile(`^[a-z]{1,12}(-[a-z]{1,12})?$`)

// noCommand returns the text for an unknown command. It repeats a word only if it looks
// like a command.
func noCommand(word string) string {
	if commandNames.MatchString(word) {
		return fmt.Sprintf("there is no command %q", word)
	}
	return "there is no such command"
}

// missingFlags returns the required flags that are not given.
func missingFlags(cmd *cobra.Command) (names []string) {
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		if !flag.Changed && slices.Equal(flag.Annotations[cobra.BashCompOneRequiredFlag], []string{"true"}) {
			names = append(names, "--"+flag.Name)
		}
	})
	return names
}

// flagGroupError returns the text for flags that exclude or require each other. cobra
// reports these errors as text only.
func flagGroupError(cmd *cobra.Command, text string) string {
	if _, given, ok := strings.Cut(text, "none of the others can be; "); ok {
		return "give one of " + namelist.Join(flagNames(bracketed(given)), " and ") + ", not several"
	}
	if group, ok := strings.CutPrefix(text, "at least one of the flags in the group "); ok {
		return cmd.Name() + " needs one of " + namelist.Join(flagNames(bracketed(group)), " or ")
	}
	return ""
}

// bracketed returns the words in the first brackets of a text.
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

func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; did you mean " + namelist.Join(names, " or ") + "?"
}
