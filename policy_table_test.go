package vaultkit_test

import (
	"context"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
)

// action is one request to Vault.
type action struct {
	may    string // a mark for each role: x, it may; ., it must not
	method string
	path   string // below the base path if it is not rooted; its names are those of a trial
	body   object
}

type object = map[string]any

const (
	nobody    = "........"
	everybody = "xxxxxxxx"
)

// verbTable says of every role and every verb whether it may. The provider has
// two rotations, the first of which has lost its record; the other name is not
// used yet.
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

	{"...x.x.x", "GET", "data/revocations/{p}/{id}", nil},
	{"...x.x..", "POST", "data/revocations/{p}/new", value(0)},
	{nobody, "POST", "data/revocations/{p}/{id}", value(0)},
	{nobody, "POST", "data/revocations/{p}/{id}", value(1)},
	{nobody, "GET", "metadata/revocations/{p}/{id}", nil},
	{nobody, "POST", "metadata/revocations/{p}/{id}", tags},
	{nobody, "DELETE", "metadata/revocations/{p}/{id}", nil},
	{".x.xxx.x", "LIST", "metadata/revocations/{p}/", nil},
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
	for _, entry := range []string{"providers/{p}", "backups/{p}/{id}", "rotations/{p}/{id}", "revocations/{p}/{id}"} {
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
