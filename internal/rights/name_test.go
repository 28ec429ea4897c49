package rights_test

import (
	"regexp"
	"strings"
	"testing"

	"goblin/vaultkit/internal/rights"
)

func TestScopeName(t *testing.T) {
	t.Parallel()
	for want, scope := range map[string]rights.Scope{
		"vaultkit-reader":                            {},
		"vaultkit-reader-openai-gpt4":                {Providers: []string{"openai-gpt4"}},
		"vaultkit-reader-openai-":                    {Providers: []string{"OpenAI"}},
		"vaultkit-reader-a-b-":                       {Providers: []string{"b", "a", "b"}},
		"vaultkit-reader-team-kv-":                   {Mount: "team/kv"},
		"vaultkit-reader-other-base-":                {Base: "other/base"},
		"vaultkit-reader-kv-other-base-openai-":      {Mount: "kv", Base: "other/base", Providers: []string{"openai"}},
		"vaultkit-reader-ends-":                      {Providers: []string{"ends-"}},
		"vaultkit-reader-" + strings.Repeat("p", 48): {Providers: []string{strings.Repeat("p", 100)}},
	} {
		got := scope.Name("reader")
		if exact := !strings.HasSuffix(want, "-") && len(want) < 60; exact && got != want || !strings.HasPrefix(got, want) {
			t.Errorf("Name(%+v) = %s, want %s", scope, got, want)
		}
	}
}

// acceptedName is what the auth methods accept as the name of a role. Vault stores names of
// policies in lower case.
var acceptedName = regexp.MustCompile(`^\w(([\w.-]+)?\w)?$`)

// Two scopes never share a name, because each would replace the policy of the other.
func TestScopeName_DiffersForEachScope(t *testing.T) {
	t.Parallel()
	seen := map[string]rights.Scope{}
	for _, scope := range []rights.Scope{
		{}, {Mount: "a"}, {Base: "a"}, {Providers: []string{"a"}}, {Providers: []string{"A"}}, {Providers: []string{"a-b"}},
		{Providers: []string{"a", "b"}}, {Mount: "a", Base: "b"}, {Mount: "a", Providers: []string{"b"}}, {Base: "a", Providers: []string{"b"}},
		{Mount: "a/b"}, {Mount: "a-b"}, {Base: "a/b"}, {Base: "a-b"}, {Providers: []string{"a."}}, {Providers: []string{"a-"}},
		{Providers: []string{strings.Repeat("p", 127) + "a"}}, {Providers: []string{strings.Repeat("p", 127) + "b"}},
	} {
		name := scope.Name("rotator")
		if other, taken := seen[name]; taken {
			t.Errorf("Name(%+v) = %s, the name of %+v, want another one", scope, name, other)
		}
		if seen[name] = scope; !acceptedName.MatchString(name) || name != strings.ToLower(name) || len(name) > 100 {
			t.Errorf("Name(%+v) = %q, want a short name in lower case that starts and ends with a letter or digit", scope, name)
		}
	}
}
