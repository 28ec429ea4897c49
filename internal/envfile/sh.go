package envfile

import "strings"

// sh is for POSIX shells: between single quotes nothing is special but the single
// quote itself.
func sh(v Variable) (string, error) {
	return "export " + v.Name + "='" + strings.ReplaceAll(v.Value, "'", `'\''`) + "'\n", nil
}
