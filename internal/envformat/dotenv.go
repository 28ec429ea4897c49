package envformat

import (
	"errors"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// dotenv writes what joho/godotenv, npm's dotenv, python-dotenv and Docker Compose read
// alike. They agree on three forms, none of which takes every value: there is no way to
// escape a quote that all of them know.
func dotenv(v Variable) (string, error) {
	var form string
	switch multiline := strings.Contains(v.Value, "\n"); {
	case pythonVariable.MatchString(v.Value):
		return "", errors.New("holds ${…}, which python-dotenv takes for a variable wherever it stands")
	case multiline && fitsDouble(v.Value): // one line, as a later godotenv rewrites lines of ---
		form = `"` + breaks.Replace(v.Value) + `"`
	case fitsSingle(v.Value):
		form = "'" + v.Value + "'"
	case fitsDouble(v.Value):
		form = `"` + breaks.Replace(v.Value) + `"`
	case fitsBare(v.Value):
		form = v.Value
	default:
		return "", errors.New("mixes quotes or pairs of backslashes with line breaks, backslashes, $ or # so that readers of dotenv files would read it differently")
	}
	return v.Name + "=" + form + "\n", nil
}

// pythonVariable is what python-dotenv replaces in a value, in whatever quotes
// (src/dotenv/variables.py).
var pythonVariable = regexp.MustCompile(`\$\{[^}:]*(:-[^}]*)?\}`)

// breaks are the escapes that all know, in double quotes alone.
var breaks = strings.NewReplacer("\n", `\n`, "\r", `\r`)

// fitsSingle: everything stands for itself but the quote, a backslash before it,
// carriage returns, which readers normalise, and two backslashes, of which python-dotenv
// makes one.
func fitsSingle(value string) bool {
	return !strings.ContainsAny(value, "'\r") && !strings.HasSuffix(value, `\`) && !strings.Contains(value, `\\`) &&
		!strings.Contains(value, "---\n")
}

// fitsDouble: all but npm's dotenv expand variables, or know more escapes than it does.
func fitsDouble(value string) bool { return !strings.ContainsAny(value, `"\$`) }

// fitsBare: one line up to a comment, less the space around it, when it does not
// start like one of npm's three quotes. JavaScript sees more line ends and more
// space than others.
func fitsBare(value string) bool {
	first, _ := utf8.DecodeRuneInString(value)
	last, _ := utf8.DecodeLastRuneInString(value)
	return value != "" && !strings.ContainsAny(value, "\r\n$#\u2028\u2029") && !strings.ContainsRune("'\"`", first) &&
		!space(first) && !space(last)
}

func space(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\uFEFF' }
