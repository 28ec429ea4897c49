package terminal

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Printable returns a line with everything escaped that could steer a terminal or the
// log of a pipeline: the name of a field or a server's text may be in it.
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

// emptyCell stands for no value: columns stay countable, whatever splits them.
const emptyCell = "-"

// Cell shows what was claimed in a record without letting it steer the terminal.
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
