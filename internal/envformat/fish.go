package envformat

import "strings"

var fishEscapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// fish writes a line for fish, which has two escapes in single quotes. Without --unpath it
// would read a name that ends in PATH as a list. The semicolon has the same purpose as in sh.
func fish(v Variable) (string, error) {
	return "set --global --export --unpath " + v.Name + " '" + fishEscapes.Replace(v.Value) + "';\n", nil
}
