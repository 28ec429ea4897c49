package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/vaulttest"
)

func TestGet(t *testing.T) {
	t.Parallel()
	provider, key := stored(t)
	vk(t, "", "get", provider).prints(t, key+"\n")
	vk(t, "", "get", provider, "--field", "organization").prints(t, "org\n")
	out := vk(t, "", "get", provider, "--json").ok(t)
	type answer struct{ Provider, Field, Value string }
	if got := decode[answer](t, out, true); got != (answer{provider, "api_key", key}) {
		t.Errorf("vaultkit get --json = %+v, want %+v", got, (answer{provider, "api_key", key}))
	}
	hasKeys(t, "vaultkit get --json", decode[map[string]any](t, out, true), "field provider value")
}

func TestGetAll(t *testing.T) {
	t.Parallel()
	provider, key := vaulttest.Name(t), newKey()
	vaulttest.Put(t, "providers/"+provider, map[string]any{"api_key": key, "tier": 3, "a<b": "x"})
	out := vk(t, "", "get", provider, "--all").ok(t)
	want := map[string]string{"api_key": key, "tier": "3", "a<b": "x"}
	if got := decode[map[string]string](t, out, true); !maps.Equal(got, want) {
		t.Errorf("vaultkit get --all = %v, want %v", got, want)
	}
	type answer struct {
		Provider string
		Fields   map[string]string
	}
	out = vk(t, "", "get", provider, "--all", "--json").ok(t)
	if got := decode[answer](t, out, true); got.Provider != provider || !maps.Equal(got.Fields, want) {
		t.Errorf("vaultkit get --all --json = %+v, want %v of %s", got, want, provider)
	}
	hasKeys(t, "vaultkit get --all --json", decode[map[string]any](t, out, true), "fields provider")
	vk(t, "", "get", provider, "--all", "--field", "tier").want(t, exitcode.Usage, "--all and --field")
	vk(t, "", "get", vaulttest.Name(t), "--all").want(t, exitcode.NotFound, "not found")
}

func TestList(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	names := decode[[]string](t, vk(t, "", "list", "--json").ok(t), true)
	if !slices.Contains(names, provider) || !slices.IsSorted(names) {
		t.Errorf("vaultkit list --json = %q, want it sorted and %q in it", names, provider)
	}
	if lines := strings.Split(vk(t, "", "list").ok(t), "\n"); !slices.Contains(lines, provider) {
		t.Errorf("vaultkit list prints the lines %q, want %q in them", lines, provider)
	}
}

func TestListOfNothing(t *testing.T) {
	t.Parallel()
	r := vk(t, "", "list", "--base", "nobody-here")
	r.prints(t, "")
	r.errHas(t, "vaultkit put")
	vk(t, "", "list", "--base", "nobody-here", "--json").prints(t, "[]\n")
}

func TestPut(t *testing.T) {
	t.Parallel()
	provider, key := vaulttest.Name(t), newKey()
	r := vk(t, key+"\n", "put", provider, "api_key=-", "organization=@"+file(t, "org-1\r\n"), "tier=gold=1")
	r.shows(t, provider, "version 1", "api_key, organization, tier")
	r.errHas(t, "warning", "FIELD=value")
	holds(t, provider, key)
	for field, want := range map[string]string{"organization": "org-1\n", "tier": "gold=1\n"} {
		vk(t, "", "get", provider, "--field", field).prints(t, want)
	}
	// A second put never replaces the first.
	vk(t, newKey(), "put", provider, "api_key=-").want(t, exitcode.Conflict, "rotate it instead")
	holds(t, provider, key)
}

func TestPutJSON(t *testing.T) {
	t.Parallel()
	provider := vaulttest.Name(t)
	r := vk(t, newKey(), "put", provider, "api_key=-", "--json")
	type answer struct {
		Provider string
		Version  int
	}
	if got := decode[answer](t, r.ok(t), true); got != (answer{provider, 1}) {
		t.Errorf("vaultkit put --json = %+v, want %+v", got, (answer{provider, 1}))
	}
	if r.err != "" {
		t.Errorf("vaultkit put: stderr = %q, want nothing", r.err)
	}
}

// With --allow-control, a key of several lines is stored without its last newline only.
func TestPut_AllowControl(t *testing.T) {
	t.Parallel()
	provider := vaulttest.Name(t)
	pem := newKey() + "\nline two\t\n"
	vk(t, pem+"\n", "put", provider, "api_key=-").want(t, exitcode.Usage, "control character", "--allow-control")
	vk(t, pem+"\n", "put", provider, "api_key=-", "--allow-control").ok(t)
	holds(t, provider, pem)
	pem = newKey() + "\r\nline two"
	vk(t, "", "rotate", provider, "--new-key-file", file(t, pem+"\r\n")).want(t, exitcode.Usage, "control character", "--allow-control")
	vk(t, "", "rotate", provider, "--new-key-file", file(t, pem+"\r\n"), "--allow-control").ok(t)
	holds(t, provider, pem)
	vk(t, "\n", "rotate", provider, "--new-key-stdin", "--allow-control").want(t, exitcode.Usage, "empty")
}

func TestPutOverDeleted(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	deleteCurrent(t, provider)
	vk(t, "", "get", provider).want(t, exitcode.NotFound, "deleted")
	vk(t, newKey(), "put", provider, "api_key=-").want(t, exitcode.NotFound, "deleted")
	key := newKey()
	vk(t, key, "put", provider, "api_key=-", "--replace-deleted").shows(t, "version 2")
	holds(t, provider, key)
}

func TestPutRefuses(t *testing.T) {
	t.Parallel()
	provider, key := vaulttest.Name(t), newKey()
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"no field":          {[]string{}, "needs one PROVIDER and at least one FIELD"},
		"a bare key":        {[]string{key}, "field 1 is not"},
		"no name":           {[]string{"=" + key}, "field 1 is not"},
		"a field twice":     {[]string{"a=1", "a=2"}, "field \"a\" is given twice"},
		"two from stdin":    {[]string{"a=-", "b=-"}, "only one field can come from a file or pipe"},
		"an empty value":    {[]string{key + "="}, "field 1 is empty"},
		"no such file":      {[]string{"api_key=@" + key}, "field \"api_key\" cannot be read"},
		"a control char":    {[]string{"api_key=" + key + "\t"}, "control character"},
		"a huge file":       {[]string{"api_key=@" + file(t, strings.Repeat("x", 1<<20+1))}, "longer than"},
		"two lines":         {[]string{"api_key=@" + file(t, key+"\n\n")}, "control character"},
		"an unusable field": {[]string{strings.Repeat("x", 129) + "=1"}, "field name"},
	} {
		t.Run(name, func(t *testing.T) {
			vk(t, key, append([]string{"put", provider}, tc.args...)...).want(t, exitcode.Usage, tc.says)
		})
	}
	if found := vaulttest.Snapshot(t, provider); len(found) != 0 {
		t.Errorf("after vaultkit put was refused, Vault has %d entries of %s, want none", len(found), provider)
	}
}
