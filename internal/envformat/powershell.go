package envformat

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf16"
)

// maxWindows is what Windows takes of a variable, in UTF-16 units.
const maxWindows = 32766

// powershell writes printable ASCII as a literal. All else goes through base64: it
// keeps every statement on a line of its own, as `| Invoke-Expression` wants it, out
// of reach of the code page that Windows PowerShell reads files and pipes in, and of
// the four typographic quotes that it takes for single ones.
func powershell(v Variable) (string, error) {
	switch {
	case v.Value == "":
		return "", errors.New("is empty, which removes a variable in PowerShell")
	case len(utf16.Encode([]rune(v.Value))) > maxWindows:
		return "", errors.New("is longer than the 32,766 characters that Windows takes")
	}
	value := "'" + strings.ReplaceAll(v.Value, "'", "''") + "'"
	if strings.ContainsFunc(v.Value, func(r rune) bool { return r < ' ' || r > '~' }) {
		value = "[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('" + base64.StdEncoding.EncodeToString([]byte(v.Value)) + "'))"
	}
	return "$env:" + v.Name + " = " + value + "\n", nil
}
