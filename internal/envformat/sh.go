package envformat

import "strings"

// sh is for POSIX shells: between single quotes nothing is special but the single
// quote itself. The semicolon ends the command where an eval without quotes has lost
// the end of the line.
func sh(v Variable) (string, error) {
	return "export " + v.Name + "='" + strings.ReplaceAll(v.Value, "'", `'\''`) + "';\n", nil
}
