package envformat

import (
	"crypto/rand"
	"errors"
	"strings"
)

// github writes a heredoc for the file of $GITHUB_ENV. Its delimiter is random, so that a value
// cannot contain it on purpose.
func github(v Variable) (string, error) {
	switch {
	case matchesAny(strings.ToUpper(v.Name), []string{"GITHUB_*", "RUNNER_*"}):
		return "", errors.New("has a name that GitHub reserves for its runners")
	case strings.HasSuffix(v.Value, "\r"):
		return "", errors.New("ends in a carriage return, which a runner on Windows reads as part of a line break")
	}
	delimiter := "vaultkit_" + rand.Text()
	for strings.Contains(v.Value, delimiter) {
		delimiter = "vaultkit_" + rand.Text()
	}
	return v.Name + "<<" + delimiter + "\n" + v.Value + "\n" + delimiter + "\n", nil
}

// commandEscapes are the escapes in the data of a workflow command.
var commandEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")

// Masks returns the workflow commands that hide the values in a job's log. The runner masks
// single lines and refuses blank ones, so each line of a value gets its own mask. Masks trims
// the lines, so that they are hidden with other space around them, too.
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
