package envformat

import (
	"errors"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// dotenv writes what joho/godotenv, npm's dotenv, python-dotenv and Docker Compose all read as
// the same value. They agree on three forms. None of these can hold every value, because the
// readers do not agree on how to escape a quote.
func dotenv(v Variable) (string, error) {
	var form string
	switch multiline := strings.Contains(v.Value, "\n"); {
	case pythonVariable.MatchString(v.Value):
		return "", errors.New("contains ${…}, which python-dotenv always replaces by a variable")
	case multiline && fitsDouble(v.Value): // on one line, because newer versions of godotenv change lines of ---
		form = `"` + lineBreakEscapes.Replace(v.Value) + `"`
	case fitsSingle(v.Value):
		form = "'" + v.Value + "'"
	case fitsDouble(v.Value):
		form = `"` + lineBreakEscapes.Replace(v.Value) + `"`
	case fitsBare(v.Value):
		form = v.Value
	default:
		return "", errors.New("mixes quotes or pairs of backslashes with line breaks, backslashes, $ or #, which readers of dotenv files read differently")
	}
	return v.Name + "=" + form + "\n", nil
}

// pythonVariable matches what python-dotenv replaces in a value, in quotes of any kind
// (src/dotenv/variables.py).
var pythonVariable = regexp.MustCompile(`\$\{[^}:]*(:-[^}]*)?\}`)

// lineBreakEscapes are the escapes that all readers know, in double quotes.
var lineBreakEscapes = strings.NewReplacer("\n", `\n`, "\r", `\r`)

// fitsSingle reports whether all readers return the value in single quotes unchanged. They
// differ on single quotes, on a backslash before one, on carriage returns, and on two
// backslashes, which python-dotenv reads as one.
func fitsSingle(value string) bool {
	return !strings.ContainsAny(value, "'\r") && !strings.HasSuffix(value, `\`) && !strings.Contains(value, `\\`) &&
		!strings.Contains(value, "---\n")
}

// fitsDouble reports whether all readers return the value in double quotes unchanged. Most of
// them expand variables there, and know more escapes than npm's dotenv.
func fitsDouble(value string) bool { return !strings.ContainsAny(value, `"\$`) }

// fitsBare reports whether all readers return the value without quotes unchanged: one line
// without a comment, without space around it, and without a quote at its start. JavaScript has
// more line ends and spaces than the others.
func fitsBare(value string) bool {
	first, _ := utf8.DecodeRuneInString(value)
	last, _ := utf8.DecodeLastRuneInString(value)
	return value != "" && !strings.ContainsAny(value, "\r\n$#\u2028\u2029") && !strings.ContainsRune("'\"`", first) &&
		!isSpace(first) && !isSpace(last)
}

func isSpace(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\uFEFF' }
