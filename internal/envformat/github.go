package envformat

import (
	"crypto/rand"
	"errors"
	"strings"
)

// github is for the file that $GITHUB_ENV names: a heredoc with a delimiter that
// nobody can have put into the value.
func github(v Variable) (string, error) {
	switch {
	case matches(strings.ToUpper(v.Name), []string{"GITHUB_*", "RUNNER_*"}):
		return "", errors.New("has a name that GitHub keeps for its runners")
	case strings.HasSuffix(v.Value, "\r"):
		return "", errors.New("ends in a carriage return, which a runner on Windows takes for half of a line break")
	}
	delimiter := "vaultkit_" + rand.Text()
	for strings.Contains(v.Value, delimiter) {
		delimiter = "vaultkit_" + rand.Text()
	}
	return v.Name + "<<" + delimiter + "\n" + v.Value + "\n" + delimiter + "\n", nil
}

// commandEscapes are those of a workflow command's data.
var commandEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")

// Masks are the workflow commands that keep values out of a job's log. The runner
// looks for masks line by line, so each line of a value is one; blank ones it
// refuses. Without the space around a line it is masked in more places.
func Masks(variables []Variable) string {
	var out strings.Builder
	seen := make(map[string]bool)
	for _, v := range variables {
		for line := range strings.FieldsFuncSeq(v.Value, func(r rune) bool { return r == '\n' || r == '\r' }) {
			if line = strings.TrimSpace(line); line != "" && !seen[line] {
				seen[line] = true
				out.WriteString("::add-mask::" + commandEscapes.Replace(line) + "\n")
			}
		}
	}
	return out.String()
}
