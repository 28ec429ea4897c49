package terminal

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Printable escapes every character of a line that could control a terminal or the log
// of a pipeline: names of fields and texts of servers may contain such characters.
func Printable(line string) string {
	var safe strings.Builder
	for _, r := range line {
		if unicode.IsPrint(r) {
			safe.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		safe.WriteString(quoted[1 : len(quoted)-1])
	}
	return safe.String()
}

// emptyCell is printed for an empty value, so that columns can be counted.
const emptyCell = "-"

// Cell returns a value for a table, escaped so that it cannot control the terminal.
func Cell(text string) string {
	if text == "" {
		return emptyCell
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.QuoteToGraphic(text)
	}
	return text
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=-]+$`)

// ShellWord quotes a word for a POSIX shell where it needs it.
func ShellWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
