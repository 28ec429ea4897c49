package envformat

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf16"
)

// maxWindowsLength is the maximum length of a variable on Windows, in UTF-16 units.
const maxWindowsLength = 32766

// powershell writes printable ASCII as a literal, and everything else in base64. So each
// statement has one line, as `| Invoke-Expression` needs it. Windows PowerShell's code page for
// files and pipes does not matter, nor do the four typographic quotes that it reads as single
// quotes.
func powershell(v Variable) (string, error) {
	switch {
	case v.Value == "":
		return "", errors.New("is empty: in PowerShell, an empty value removes the variable")
	case len(utf16.Encode([]rune(v.Value))) > maxWindowsLength:
		return "", errors.New("is longer than the 32,766 characters that Windows accepts")
	}
	value := "'" + strings.ReplaceAll(v.Value, "'", "''") + "'"
	if strings.ContainsFunc(v.Value, func(r rune) bool { return r < ' ' || r > '~' }) {
		value = "[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('" + base64.StdEncoding.EncodeToString([]byte(v.Value)) + "'))"
	}
	return "$env:" + v.Name + " = " + value + "\n", nil
}
