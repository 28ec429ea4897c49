package policy_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

// action is one request to Vault.
type action struct {
	may    string // a mark for each role: x if the policy allows the request, . if not
	method string
	path   string // below the base path unless it starts with /; its names are those of a trial
	body   object
}

type object = map[string]any

const (
	nobody    = "........"
	everybody = "xxxxxxxx"
)

// verbTable says for every call which roles can make it. The provider has two rotations; the first
// has no record. The other name is unused.
var verbTable = []struct {
	may, verb string
	do        verb
}{
	// reader
	// |monitor
	// ||provisioner
	// |||rotator
	// ||||recoverer
	// |||||revoker
	// ||||||janitor
	// |||||||auditor
	{"x..xxx..", "GetAPIKey", about((*vaultkit.Client).GetAPIKey)},
	{"x..xxx..", "GetProviderKeys", about((*vaultkit.Client).GetProviderKeys)},
	{"...xxx.x", "Backups", about((*vaultkit.Client).Backups)},
	{"...xxxxx", "History", about((*vaultkit.Client).History)},
	{"xx.xxxxx", "Providers", func(ctx context.Context, c *vaultkit.Client, _, _ string) error {
		return clienttest.ErrorOf(c.Providers(ctx))
	}},
	{"..x.....", "PutProviderKeys", func(ctx context.Context, c *vaultkit.Client, _, unused string) error {
		return clienttest.ErrorOf(c.PutProviderKeys(ctx, unused, vaultkit.ProviderKeys{"api_key": "fake-first"}))
	}},
	{"...x....", "Rotate", func(ctx context.Context, c *vaultkit.Client, provider, _ string) error {
		return clienttest.ErrorOf(c.Rotate(ctx, provider, vaultkit.NewKey("fake-next")))
	}},
	{"...x....", "Rollback", func(ctx context.Context, c *vaultkit.Client, provider, _ string) error {
		return clienttest.ErrorOf(c.Rollback(ctx, provider, ""))
	}},
	{"...xxx..", "Recover", func(ctx context.Context, c *vaultkit.Client, provider, _ string) error {
		return clienttest.ErrorOf(c.Recover(ctx, provider))
	}},
}

type verb func(ctx context.Context, c *vaultkit.Client, provider, unused string) error

// about makes one shape of the verbs that read about one provider.
func about[T any](read func(*vaultkit.Client, context.Context, string) (T, error)) verb {
	return func(ctx context.Context, c *vaultkit.Client, provider, _ string) error {
		return clienttest.ErrorOf(read(c, ctx, provider))
	}
}

// policyTable says of every role and every action whether it may. What is not in
// it is not tried: an action that matters stands here, even if nobody may.
var policyTable = append([]action{
	// reader
	// |monitor
	// ||provisioner
	// |||rotator
	// ||||recoverer
	// |||||revoker
	// ||||||janitor
	// |||||||auditor
	{"x..xxx..", "GET", "data/providers/{p}", nil},
	{"..x.....", "POST", "data/providers/{new}", value(0)},
	{"..x.....", "POST", "data/providers/{new}", blindValue},
	{"...x....", "POST", "data/providers/{p}", value(2)},
	{"...x....", "POST", "data/providers/{p}", blindValue},
	{".x.xxxx.", "GET", "metadata/providers/{p}", nil},
	{"...xxx..", "PATCH", "metadata/providers/{p}", tags},
	{nobody, "POST", "metadata/providers/{p}", tags},
	{nobody, "POST", "metadata/providers/{new}", tags},
	{nobody, "DELETE", "metadata/providers/{p}", nil},
	{"xx.xxxxx", "LIST", "metadata/providers/", nil},

	{"...xxx..", "GET", "data/backups/{p}/{id}", nil},
	{"...x....", "POST", "data/backups/{p}/new", value(0)},
	{nobody, "POST", "data/backups/{p}/{id}", value(0)},
	{nobody, "POST", "data/backups/{p}/{id}", value(1)},
	{nobody, "POST", "data/backups/{p}/{id}", blindValue},
	{"...xxx.x", "GET", "metadata/backups/{p}/{id}", nil},
	{"...x....", "POST", "metadata/backups/{p}/{id}", tags},
	{nobody, "PATCH", "metadata/backups/{p}/{id}", tags},
	{nobody, "POST", "metadata/backups/{p}/new", tags},
	{"......x.", "DELETE", "metadata/backups/{p}/{id}", nil},
	{".x.xxxxx", "LIST", "metadata/backups/{p}/", nil},
	{nobody, "LIST", "metadata/backups/", nil},

	{"...xxxxx", "GET", "data/rotations/{p}/{id}", nil},
	{"...xxx..", "POST", "data/rotations/{p}/new", value(0)},
	{nobody, "POST", "data/rotations/{p}/{id}", value(0)},
	{nobody, "POST", "data/rotations/{p}/{id}", value(1)},
	{nobody, "POST", "data/rotations/{p}/{id}", blindValue},
	{nobody, "GET", "metadata/rotations/{p}/{id}", nil},
	{nobody, "POST", "metadata/rotations/{p}/{id}", tags},
	{nobody, "PATCH", "metadata/rotations/{p}/{id}", tags},
	{nobody, "POST", "metadata/rotations/{p}/new", tags},
	{nobody, "DELETE", "metadata/rotations/{p}/{id}", nil},
	{".x.xxxxx", "LIST", "metadata/rotations/{p}/", nil},
	{nobody, "LIST", "metadata/rotations/", nil},

	{"...x.x.x", "GET", "data/revocations/{p}/ab/{id}", nil},
	{"...x.x..", "POST", "data/revocations/{p}/ab/new", value(0)},
	{nobody, "POST", "data/revocations/{p}/ab/{id}", value(0)},
	{nobody, "POST", "data/revocations/{p}/ab/{id}", value(1)},
	{nobody, "GET", "metadata/revocations/{p}/ab/{id}", nil},
	{nobody, "POST", "metadata/revocations/{p}/ab/{id}", tags},
	{nobody, "DELETE", "metadata/revocations/{p}/ab/{id}", nil},
	{".x.xxx.x", "LIST", "metadata/revocations/{p}/", nil},
	{".x.xxx.x", "LIST", "metadata/revocations/{p}/ab/", nil},
	{nobody, "LIST", "metadata/revocations/", nil},

	{nobody, "LIST", "metadata/", nil},
	{nobody, "GET", "/secret/config", nil},
	{nobody, "POST", "/secret/config", object{"max_versions": 1}},
	{nobody, "GET", "/secret/data/other/providers/{p}", nil},
	{nobody, "LIST", "/secret/metadata/", nil},
	{nobody, "POST", "/sys/mounts/secret/tune", object{"options": object{"version": "1"}}},
	{nobody, "POST", "/sys/policies/acl/{new}", object{"policy": `path "*" { capabilities = ["read"] }`}},
	{nobody, "POST", "/auth/token/create", object{}},

	{everybody, "GET", "/auth/token/lookup-self", nil},
	{everybody, "POST", "/auth/token/renew-self", object{}},
	{everybody, "POST", "/sys/capabilities-self", object{"paths": []string{"secret/x"}}},
	{everybody, "POST", "/auth/token/revoke-self", nil},
}, forNobody()...)

// forNobody are actions that no role may do on anything that vaultkit keeps.
func forNobody() []action {
	var all []action
	for _, entry := range []string{"providers/{p}", "backups/{p}/{id}", "rotations/{p}/{id}", "revocations/{p}/ab/{id}"} {
		all = append(all,
			action{nobody, "DELETE", "data/" + entry, nil},
			action{nobody, "PATCH", "data/" + entry, object{"data": object{"api_key": "fake-patched"}}},
			action{nobody, "POST", "delete/" + entry, object{"versions": []int{1}}},
			action{nobody, "POST", "undelete/" + entry, object{"versions": []int{1}}},
			action{nobody, "POST", "destroy/" + entry, object{"versions": []int{1}}},
			action{nobody, "GET", "subkeys/" + entry, nil},
			action{nobody, "LIST", "data/" + entry + "/", nil},
			action{nobody, "LIST", "metadata/" + entry + "/", nil},
		)
		for _, method := range []string{"POST", "PATCH"} {
			for setting, to := range (object{"delete_version_after": "1s", "max_versions": 1, "cas_required": true}) {
				all = append(all,
					action{nobody, method, "metadata/" + entry, object{setting: to}},
					action{nobody, method, "metadata/" + entry, object{setting: to, "custom_metadata": tags["custom_metadata"]}})
			}
		}
	}
	return all
}

var (
	blindValue = object{"data": object{"api_key": "fake-written"}}
	tags       = object{"custom_metadata": object{"tagged": "yes"}}
)

// value is a write by check-and-set.
func value(cas int) object {
	return object{"data": blindValue["data"], "options": object{"cas": cas}}
}

// Every role may do what the table says and nothing else, with a token that has
// its policy alone; and a policy for something else allows nothing here.
func TestPolicyTable(t *testing.T) {
	for _, a := range policyTable {
		checkMarks(t, a.method+" "+a.path, a.may)
	}
	all := func(action) bool { return true }
	nameless := func(a action) bool { return !strings.Contains(a.path, "{") }
	rooted := func(a action) bool { return strings.HasPrefix(a.path, "/") }
	for name, tc := range map[string]struct {
		option func(try *trial) policy.Option
		covers func(action) bool // what the policy is about
	}{
		"for everything":    {func(*trial) policy.Option { return policy.AtMount(vaulttest.Mount) }, all},
		"for this provider": {func(try *trial) policy.Option { return policy.OnlyProviders(try.provider, try.unused) }, all},
		"for others":        {func(*trial) policy.Option { return policy.OnlyProviders("somebody", "else") }, nameless},
		"for another base":  {func(*trial) policy.Option { return policy.AtBasePath("elsewhere") }, rooted},
		"for another mount": {func(*trial) policy.Option { return policy.AtMount("elsewhere") }, rooted},
	} {
		for column, role := range policy.Roles() {
			t.Run(name+"/"+string(role), func(t *testing.T) {
				may := func(a action) bool { return a.may[column] == 'x' && tc.covers(a) }
				allRefused(t, newTrial(t, role, tc.option), may)
				allDone(t, func() *trial { return newTrial(t, role, tc.option) }, may)
			})
		}
	}
}

// checkMarks fails the test unless there is a mark for every role.
func checkMarks(t *testing.T, what, may string) {
	t.Helper()
	if roles := policy.Roles(); len(may) != len(roles) || strings.Trim(may, "x.") != "" {
		t.Fatalf("%s has the marks %q, want x or . for each of %v", what, may, roles)
	}
}

// allRefused sends the requests that the role's policy must not allow.
func allRefused(t *testing.T, try *trial, may func(action) bool) {
	t.Helper()
	vaulttest.AssertUnchanged(t, try.provider, func() {
		for _, a := range policyTable {
			if !may(a) {
				try.refused(t, a)
			}
		}
	})
	try.done(t, action{method: "GET", path: "/auth/token/lookup-self"}) // the token itself works
}

// allDone sends the requests that the role's policy must allow. After a write, it takes a new trial.
func allDone(t *testing.T, newTrial func() *trial, may func(action) bool) {
	t.Helper()
	try := newTrial()
	for _, a := range policyTable {
		if !may(a) {
			continue
		}
		try.done(t, a)
		if a.writes() {
			try = newTrial()
		}
	}
}

// trial holds what the requests are tried on: a provider with a rotation, an unused name, and the
// official client with a token for one role.
type trial struct {
	provider, unused string
	id               string // the rotation's
	root, client     *api.Client
}

func newTrial(t *testing.T, role policy.Role, option func(*trial) policy.Option) *trial {
	t.Helper()
	try := &trial{
		provider: vaulttest.PutProvider(t, clienttest.OldSecret), unused: vaulttest.Name(t),
		root: vaulttest.Root(t), client: vaulttest.Root(t),
	}
	try.id = clienttest.Rotate(t, clienttest.New(t), try.provider, "fake-new").ID
	// An entry that says that the rotation's old key is being revoked.
	if _, err := try.root.Logical().WriteWithContext(t.Context(), try.path("data/revocations/{p}/ab/{id}"), value(0)); err != nil {
		t.Fatalf("WriteWithContext = %v, want no error", err)
	}
	try.client.SetToken(vaulttest.Token(t, clienttest.Policy(t, role, option(try))))
	return try
}

func (try *trial) done(t *testing.T, a action) {
	t.Helper()
	response, err := a.send(t.Context(), try.client, try.path(a.path))
	if err != nil || response == nil && !a.writes() {
		t.Errorf("%s %s %v = %v, %v, want it allowed", a.method, a.path, a.body, response, err)
	}
}

func (try *trial) refused(t *testing.T, a action) {
	t.Helper()
	before := try.metadata(t, a)
	_, err := a.send(t.Context(), try.client, try.path(a.path))
	if response, ok := errors.AsType[*api.ResponseError](err); !ok || response.StatusCode != http.StatusForbidden {
		t.Errorf("%s %s %v = %v, want HTTP 403", a.method, a.path, a.body, err)
	}
	if after := try.metadata(t, a); !reflect.DeepEqual(before, after) {
		t.Errorf("after %s %s %v the metadata are %v, want them unchanged: %v", a.method, a.path, a.body, after, before)
	}
}

// metadata returns the metadata of the entry that an action would change. They show changed settings,
// and new or deleted versions.
func (try *trial) metadata(t *testing.T, a action) map[string]any {
	t.Helper()
	_, entry, _ := strings.Cut(a.path, "/")
	if !a.writes() || strings.HasPrefix(a.path, "/") {
		return nil
	}
	secret, err := try.root.Logical().ReadWithContext(t.Context(), try.path("metadata/"+entry))
	if err != nil {
		t.Fatalf("ReadWithContext = %v, want no error", err)
	}
	if secret == nil {
		return nil
	}
	return secret.Data
}

// path returns the path of a request: mount, endpoint, base path, entry.
func (try *trial) path(template string) string {
	path, rooted := strings.CutPrefix(template, "/")
	if !rooted {
		endpoint, entry, _ := strings.Cut(template, "/")
		path = vaulttest.Mount + "/" + endpoint + "/" + vaulttest.Base + "/" + entry
	}
	return strings.NewReplacer("{p}", try.provider, "{new}", try.unused, "{id}", try.id).Replace(path)
}

func (a action) writes() bool { return a.method != "GET" && a.method != "LIST" }

func (a action) send(ctx context.Context, client *api.Client, path string) (*api.Secret, error) {
	switch a.method {
	case "GET":
		return client.Logical().ReadWithContext(ctx, path)
	case "LIST":
		return client.Logical().ListWithContext(ctx, path)
	case "PATCH":
		return client.Logical().JSONMergePatch(ctx, path, a.body)
	case "DELETE":
		return client.Logical().DeleteWithContext(ctx, path)
	}
	return client.Logical().WriteWithContext(ctx, path, a.body)
}
