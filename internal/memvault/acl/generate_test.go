package acl

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// There are few segments, so that several rules match the same path.
var (
	segments     = []string{"a", "b", "ab"}
	requestPaths = []string{"a", "ab", "a/a", "a/b", "ab/b", "b/a", "a/b/a", "b/a/ab"}
	existing     = []string{"a", "a/b", "ab/b", "b/a/ab"} // before the first request
	ruleSegments = []string{"a", "b", "ab", "+", "+", "a", "+", "a+", "+a"}
	ruleEndings  = []string{"", "", "/b", "*", "*", "/", "/*", "/*", "a*", "/a*"}
	capabilities = []string{"create", "read", "update", "delete", "list", "patch", "sudo"}
	names        = []string{"x", "y"}
	values       = []string{`"1"`, `"2"`, `"1*"`, `"*2"`, `true`, `1`}
)

// drawPath draws a path that a request uses.
func drawPath(t *rapid.T) string {
	return rapid.SampledFrom(requestPaths).Draw(t, "path")
}

// drawMeeting draws a policy whose only path is the same in each, and which grants every
// capability, so that what two policies say about parameters is merged.
func drawMeeting(t *rapid.T, dir string) string {
	text := "path \"" + dir + "/*\" {\n  capabilities = [" + quoted(capabilities) + "]\n"
	for _, key := range []string{"allowed_parameters", "denied_parameters"} {
		if rapid.Bool().Draw(t, key) {
			text += "  " + key + " = " + drawParameters(t) + "\n"
		}
	}
	return text + drawRequired(t) + drawWrapping(t) + "}\n"
}

// drawPolicy draws a policy whose paths all begin with the mount and a directory.
func drawPolicy(t *rapid.T, dir string) string {
	var text strings.Builder
	for range rapid.IntRange(1, 3).Draw(t, "blocks") {
		fmt.Fprintf(&text, "path %q {\n%s}\n", drawRulePath(t, dir), drawBlock(t))
	}
	return text.String()
}

func drawRulePath(t *rapid.T, dir string) string {
	path := strings.Join(rapid.SliceOfN(rapid.SampledFrom(ruleSegments), 0, 2).Draw(t, "rule"), "/")
	ending := rapid.SampledFrom(ruleEndings).Draw(t, "ending")
	if strings.HasSuffix(path, "+") && strings.HasPrefix(ending, "*") {
		ending = "" // +* is an error, which TestParse_HasVaultsErrors compares
	}
	if rapid.IntRange(0, 9).Draw(t, "mount too") == 0 {
		mount, _, _ := strings.Cut(dir, "/")
		return strings.Join([]string{mount, "+", path}, "/") + ending
	}
	return dir + "/" + path + ending
}

func drawBlock(t *rapid.T) string {
	if rapid.IntRange(0, 7).Draw(t, "shorthand") == 0 {
		return "  policy = " + rapid.SampledFrom([]string{`"read"`, `"write"`, `"sudo"`, `"deny"`}).Draw(t, "policy") + "\n"
	}
	granted := rapid.SliceOfNDistinct(rapid.SampledFrom(capabilities), 1, len(capabilities), rapid.ID).Draw(t, "capabilities")
	if rapid.IntRange(0, 9).Draw(t, "deny") == 0 {
		granted = append(granted, "deny")
	}
	text := "  capabilities = [" + quoted(granted) + "]\n"
	for _, key := range []string{"allowed_parameters", "denied_parameters"} {
		if rapid.IntRange(0, 4).Draw(t, key) == 0 {
			text += "  " + key + " = " + drawParameters(t) + "\n"
		}
	}
	return text + drawRequired(t) + drawWrapping(t)
}

func drawRequired(t *rapid.T) string {
	if rapid.IntRange(0, 9).Draw(t, "required") != 0 {
		return ""
	}
	return "  required_parameters = [" + quoted(rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 2, rapid.ID).Draw(t, "names")) + "]\n"
}

func drawParameters(t *rapid.T) string {
	var fields []string
	// Two keys that differ in case would overwrite each other in random order, in Vault too.
	keys := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x", "Y", "*"}), 0, 3, rapid.ID).Draw(t, "keys")
	for _, key := range keys {
		list := rapid.SliceOfN(rapid.SampledFrom(values), 0, 2).Draw(t, "values")
		fields = append(fields, fmt.Sprintf("%q = [%s]", key, strings.Join(list, ", ")))
	}
	return "{ " + strings.Join(fields, "\n") + " }"
}

func drawWrapping(t *rapid.T) string {
	if rapid.IntRange(0, 14).Draw(t, "wrapping") != 0 {
		return ""
	}
	return rapid.SampledFrom([]string{
		"  min_wrapping_ttl = 60\n", "  max_wrapping_ttl = \"2m\"\n", "  min_wrapping_ttl = \"1m\"\n  max_wrapping_ttl = 90\n",
	}).Draw(t, "limits")
}

func quoted(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return `"` + strings.Join(list, `", "`) + `"`
}

// call is one request of a sequence.
type call struct {
	operation string // a write is create or update, as what is there decides
	path      string
	data      map[string]any
	wrap      int // seconds
}

func drawCall(t *rapid.T) call {
	c := call{operation: rapid.SampledFrom([]string{"read", "list", "write", "write", "write", "patch", "delete"}).Draw(t, "operation")}
	c.path = drawPath(t)
	if c.operation == "write" || c.operation == "patch" {
		c.data = rapid.MapOfN(rapid.SampledFrom([]string{"x", "X", "y", "z"}), drawValue(), 0, 2).Draw(t, "data")
	}
	if rapid.IntRange(0, 5).Draw(t, "wrapped") == 0 {
		c.wrap = rapid.SampledFrom([]int{30, 60, 75, 90, 120, 121}).Draw(t, "wrap")
	}
	return c
}

func drawValue() *rapid.Generator[any] {
	return rapid.SampledFrom([]any{"1", "2", "12", "1,2", "3", "", true, false, 1, nil, []any{"1", "2"}, []any{"1", "3"}, []any{}})
}
