package envfile

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// dotenv writes what joho/godotenv and npm's dotenv read alike. They agree on three
// forms, none of which takes every value: neither knows a way to escape a quote that
// the other knows too.
func dotenv(v Variable) (string, error) {
	var form string
	switch multiline := strings.Contains(v.Value, "\n"); {
	case multiline && fitsDouble(v.Value): // one line, as a later godotenv rewrites lines of ---
		form = `"` + breaks.Replace(v.Value) + `"`
	case fitsSingle(v.Value):
		form = "'" + v.Value + "'"
	case fitsDouble(v.Value):
		form = `"` + breaks.Replace(v.Value) + `"`
	case fitsBare(v.Value):
		form = v.Value
	default:
		return "", errors.New("mixes quotes with line breaks, backslashes, $ or # so that godotenv and npm's dotenv would read it differently")
	}
	return v.Name + "=" + form + "\n", nil
}

// breaks are the escapes that both know, in double quotes alone.
var breaks = strings.NewReplacer("\n", `\n`, "\r", `\r`)

// fitsSingle: everything stands for itself but the quote, a backslash before it, and
// carriage returns, which both normalise.
func fitsSingle(value string) bool {
	return !strings.ContainsAny(value, "'\r") && !strings.HasSuffix(value, `\`) && !strings.Contains(value, "---\n")
}

// fitsDouble: godotenv expands variables and knows more escapes than npm's dotenv.
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
