package setup

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// vaultCommand returns the vault command that writes the object, quoted for a POSIX shell. It names
// files, not what is in them.
func (o *object) vaultCommand() string {
	if o.command != "" {
		return o.command
	}
	if slices.ContainsFunc(o.fields, func(f field) bool { _, is := f.value.(claims); return is }) {
		text, err := json.MarshalIndent(o.body(), "", "  ")
		if err != nil {
			return "" // cannot happen: texts, numbers and lists
		}
		return "vault write " + o.path + " - <<'JSON'\n" + string(text) + "\nJSON"
	}
	words := []string{"vault", "write", o.path}
	for _, f := range o.written() {
		words = append(words, terminal.ShellWord(f.name+"="+argument(f)))
	}
	return strings.Join(words, " ")
}

// argument returns the value of a field as an argument of vault write.
func argument(f field) string {
	if f.file != "" {
		return "@" + f.file
	}
	switch v := f.value.(type) {
	case string:
		if strings.HasPrefix(v, "@") { // which vault takes for a file
			return `\` + v
		}
		return v
	case bool:
		return strconv.FormatBool(v)
	case time.Duration:
		return cmp.Or(shortDuration(v), "0")
	case []string:
		return strings.Join(v, ",")
	}
	return fmt.Sprint(f.value)
}

// secretIDCommand returns the commands that print what logs in as an AppRole.
func secretIDCommand(path string, wrapTTL time.Duration) string {
	return "vault read -field=role_id " + path + "/role-id\n" +
		"vault write -field=wrapping_token -wrap-ttl=" + shortDuration(wrapTTL) + " -f " + path + "/secret-id"
}
