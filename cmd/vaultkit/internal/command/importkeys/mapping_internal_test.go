package importkeys

import (
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/envreader"
	"goblin/vaultkit/envfile"
)

// placesOf returns the place of each variable, as PROVIDER/FIELD, or - for none.
func placesOf(o *Options, existing []string, names ...string) (found []string) {
	var items []envreader.Item
	for _, name := range names {
		items = append(items, envreader.Item{Name: name, Value: "x"})
	}
	m := o.newMapping(items, existing)
	for _, item := range items {
		at, why := m.of(item)
		if why != "" {
			found = append(found, "-")
			continue
		}
		found = append(found, at.provider+"/"+at.field)
	}
	return found
}

func TestMapping_FindsTheLongestKnownProvider(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ prefix, existing, names, want string }{
		{"", "", "OPENAI_API_KEY OPENAI_GPT4_API_KEY OPENAI_GPT4_ORG OPENAI_ORG", "openai/api_key openai-gpt4/api_key openai-gpt4/org openai/org"},
		{"", "", "OPENAI_ORG OPENAI_API_KEY", "openai/org openai/api_key"}, // whatever the order
		{"", "", "OPENAI_ORG DATABASE_URL API_KEY _API_KEY GITHUB_TOKEN", "- - - - -"},
		{"", "openai_gpt4", "OPENAI_GPT4_API_KEY OPENAI_GPT4_ORG", "openai_gpt4/api_key openai_gpt4/org"},
		{"", "a-b a_b", "A_B_API_KEY A_B_ORG A_API_KEY", "- - a/api_key"},
		{"", "database", "DATABASE_URL", "database/url"},
		{"", "", "openai_api_key OpenAI_API_KEY 3COM_API_KEY LD_API_KEY X__API_KEY", "- - - - x-/api_key"},
		{"", "", "X_API_KEY X_PATH X_OPTS", "x/api_key - -"}, // env never writes these two
		{"APP_", "", "APP_X_API_KEY APP_X_ORG X_API_KEY APP_API_KEY", "x/api_key x/org - -"},
		{"", "api", "API_API_KEY API_KEY", "api/api_key api/key"},
	} {
		got := strings.Join(placesOf(&Options{Prefix: tc.prefix}, strings.Fields(tc.existing), strings.Fields(tc.names)...), " ")
		if got != tc.want {
			t.Errorf("places of %s, prefix %q, with %q in Vault = %q, want %q", tc.names, tc.prefix, tc.existing, got, tc.want)
		}
	}
}

func TestMapping_NamesTheProvidersBetweenWhichItCannotChoose(t *testing.T) {
	t.Parallel()
	item := envreader.Item{Name: "A_B_API_KEY", Value: "x"}
	if _, why := (&Options{}).newMapping([]envreader.Item{item}, []string{"a-b", "a_b"}).of(item); !strings.HasSuffix(why, "several providers: a-b, a_b") {
		t.Errorf("place of %v, with a-b and a_b in Vault: %q, want the names of both", item, why)
	}
}

// FuzzMapping checks that a variable gets only a place of which env makes the same name, and the
// provider's own field if its provider is the only one in Vault with such a name.
func FuzzMapping(f *testing.F) {
	f.Add("openai-gpt4", "api_key", "", "OTHER_API_KEY")
	f.Add("a.b_c", "organization", "APP_", "A_B_API_KEY")
	f.Add("api", "key", "", "API_API_KEY")
	f.Fuzz(func(t *testing.T, provider, field, prefix, other string) {
		name, err := envfile.Name(prefix, provider, field)
		if err != nil || name == other {
			return
		}
		o := &Options{Prefix: prefix}
		for _, existing := range [][]string{nil, {provider}} {
			for i, at := range placesOf(o, existing, name, other) {
				if at == "-" {
					continue
				}
				to, in, _ := strings.Cut(at, "/")
				if made, err := envfile.Name(prefix, to, in); err != nil || made != []string{name, other}[i] {
					t.Errorf("place of %s = %s, of which env makes %q, %v, want the same name", []string{name, other}[i], at, made, err)
				}
			}
		}
		if at := placesOf(o, []string{provider}, name)[0]; field == "api_key" && at != provider+"/api_key" {
			t.Errorf("place of %s, with %s in Vault = %s, want %s/api_key", name, provider, at, provider)
		}
	})
}

func TestParsePlaces_RepeatsNoArgument(t *testing.T) {
	t.Parallel()
	for _, arg := range []string{"SECRET", "=SECRET", "SECRET=SECRET", "SECRET=/SECRET", "SECRET=SECRET/"} {
		if got, err := parsePlaces([]string{arg}); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("parsePlaces(%q) = %v, %v, want an error without the argument", arg, got, err)
		}
	}
	got, err := parsePlaces([]string{"A=p/f", "old/key=q/g=h/i", "B="})
	want := []place{{"p", "f"}, {"q", "g=h/i"}, {}}
	if found := []place{got["A"], got["old/key"], got["B"]}; err != nil || !slices.Equal(found, want) {
		t.Errorf("parsePlaces() = %v, %v, want %v", found, err, want)
	}
}
