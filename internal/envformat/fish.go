package envformat

import "strings"

var fishEscapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// fish knows two escapes between single quotes. It would take a name that ends in
// PATH for a list, but for --unpath. The semicolon is as in sh.
func fish(v Variable) (string, error) {
	return "set --global --export --unpath " + v.Name + " '" + fishEscapes.Replace(v.Value) + "';\n", nil
}
