package policy_test

import (
	"errors"
	"flag"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

var update = flag.Bool("update", false, "write the golden files")

// testdata/policies holds every role's policy, for people and for tests, and nothing else.
func TestPolicyFiles(t *testing.T) {
	const dir = "../testdata/policies/"
	var want []string
	for _, role := range policy.Roles() {
		text, file := clienttest.Policy(t, role), dir+string(role)+".hcl"
		want = append(want, file)
		if *update {
			vaulttest.WriteFile(t, file, text)
		}
		if golden := vaulttest.Policy(t, "../", string(role)); golden != text {
			t.Errorf("%s differs, want what ForRole returns; check it and run: go test -run PolicyFiles ./policy -update\n%s", file, text)
		}
	}
	slices.Sort(want)
	if files, err := filepath.Glob(dir + "*"); err != nil || !slices.Equal(files, want) {
		t.Errorf("%s holds %q, %v, want %q", dir, files, err, want)
	}
}

func TestForRole_SaysWhatTheRoleMay(t *testing.T) {
	seen := map[string]bool{}
	for _, role := range policy.Roles() {
		first, _, _ := strings.Cut(clienttest.Policy(t, role), "\n")
		if !strings.HasPrefix(first, "# May ") || !strings.HasSuffix(first, ".") || seen[first] {
			t.Errorf("ForRole(%s) starts with %q, want # May … that no other role has", role, first)
		}
		seen[first] = true
	}
}

// deniedPath is the block about a path that only a policy for every provider must deny.
var deniedPath = regexp.MustCompile(`(?ms)^path "[^"]*/\.\./[^"]*" \{.*?^\}\n`)

// The options change mount, base path and providers in every path, and nothing else.
func TestForRole_Options(t *testing.T) {
	elsewhere := []string{"secret/data/goblin-assistant/", "team/kv/data/a/b/", "secret/metadata/goblin-assistant/", "team/kv/metadata/a/b/"}
	narrowed := []string{"providers/+", "providers/p", "backups/+", "backups/p", "rotations/+", "rotations/p",
		"revocations/+", "revocations/p"}
	at := []policy.Option{policy.AtMount("team/kv"), policy.AtBasePath("a/b")}
	only := policy.OnlyProviders("p")
	for _, role := range policy.Roles() {
		for _, tc := range []struct {
			opts     []policy.Option
			replaced []string
		}{
			{nil, nil},
			{at, elsewhere},
			{[]policy.Option{only}, narrowed},
			{append(at, only), append(elsewhere, narrowed...)},
			{append(at, policy.OnlyProviders("q"), only), append(elsewhere, narrowed...)}, // the last one counts
		} {
			general := clienttest.Policy(t, role)
			if slices.Contains(tc.replaced, "providers/p") {
				general = deniedPath.ReplaceAllString(general, "")
			}
			want := strings.NewReplacer(tc.replaced...).Replace(general)
			if got := clienttest.Policy(t, role, tc.opts...); got != want {
				t.Errorf("ForRole(%s) =\n%s\nwant\n%s", role, got, want)
			}
		}
	}
}

// A policy for several providers has the rights of each. Their order does not matter.
func TestOnlyProviders_Several(t *testing.T) {
	names := []string{"q", "p", "q"}
	option := policy.OnlyProviders(names...)
	names[0] = "changed later"
	for _, role := range policy.Roles() {
		want := map[clienttest.Right]bool{}
		for _, name := range []string{"p", "q"} {
			for _, one := range clienttest.RightsOf(clienttest.Policy(t, role, policy.OnlyProviders(name))) {
				want[one] = true
			}
		}
		got := clienttest.Policy(t, role, option)
		rights := clienttest.RightsOf(got)
		for _, one := range rights {
			if !want[one] {
				t.Errorf("ForRole(%s) has %v, want only rights for p and q", role, one)
			}
		}
		if len(rights) != len(want) || got != clienttest.Policy(t, role, policy.OnlyProviders("p", "q")) {
			t.Errorf("ForRole(%s) =\n%s\nwant %d rights, the same for p and q in any order", role, got, len(want))
		}
	}
}

// For the race detector: concurrent calls share the table of rights.
func TestForRole_IsSafeForConcurrentUse(t *testing.T) {
	option, want := policy.OnlyProviders("p", "q"), map[policy.Role]string{}
	for _, role := range policy.Roles() {
		want[role] = clienttest.Policy(t, role, option)
	}
	var wait sync.WaitGroup
	for role, text := range want {
		for range 4 {
			wait.Go(func() {
				if got, err := policy.ForRole(role, option); err != nil || got != text {
					t.Errorf("ForRole(%s) = %q, %v, want %q", role, got, err, text)
				}
			})
		}
	}
	wait.Wait()
}

func TestForRole_RefusesInvalidArguments(t *testing.T) {
	for name, tc := range map[string]struct {
		role   policy.Role
		option policy.Option
		says   string
	}{
		"an unknown role": {"admin", policy.AtMount("secret"),
			`the role is none of reader, monitor, provisioner, rotator, recoverer, revoker, janitor, auditor`},
		"a key for a role":      {clienttest.Marker, policy.AtMount("secret"), "the role is none of reader"},
		"no role":               {"", policy.AtMount("secret"), "the role is none of reader"},
		"a nil option":          {policy.Reader, nil, "nil"},
		"no provider":           {policy.Reader, policy.OnlyProviders(), "OnlyProviders"},
		"an empty name":         {policy.Reader, policy.OnlyProviders(""), "provider name is empty"},
		"a wildcard":            {policy.Reader, policy.OnlyProviders("+"), `"+"`},
		"another wildcard":      {policy.Reader, policy.OnlyProviders("good", "open*"), `"open*"`},
		"a parent directory":    {policy.Reader, policy.OnlyProviders("../x"), `"../x"`},
		"a quote":               {policy.Reader, policy.OnlyProviders(`p" {}`), "provider name"},
		"a template":            {policy.Reader, policy.OnlyProviders("{{identity.entity.id}}"), "provider name"},
		"a mount outside":       {policy.Reader, policy.AtMount("../sys"), `mount "../sys"`},
		"a mount of wildcards":  {policy.Reader, policy.AtMount("+"), `mount "+"`},
		"no base path":          {policy.Reader, policy.AtBasePath(""), "base path"},
		"a base with a bracket": {policy.Reader, policy.AtBasePath("a/{b}"), "base path"},
	} {
		text, err := policy.ForRole(tc.role, tc.option)
		if text != "" || !errors.Is(err, vaultkit.ErrInvalid) || !strings.Contains(err.Error(), tc.says) ||
			strings.Contains(err.Error(), clienttest.Marker) {
			t.Errorf("%s: ForRole = %q, %v, want ErrInvalid that says %q and shows no key", name, text, err, tc.says)
		}
	}
}
