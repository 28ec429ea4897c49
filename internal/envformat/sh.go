package envformat

import "strings"

// sh writes a line for POSIX shells. In single quotes only the single quote has a meaning. The
// semicolon ends the command if an eval without quotes has lost the line break.
func sh(v Variable) (string, error) {
	return "export " + v.Name + "='" + strings.ReplaceAll(v.Value, "'", `'\''`) + "';\n", nil
}
