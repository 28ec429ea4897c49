package doctor_test

import (
	"fmt"
	"strings"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/devvault"
	"goblin/vaultkit/internal/vaulttest"
)

func TestDiagnoseMount(t *testing.T) {
	first, second := vaulttest.MountEngine(t, "kv", nil), vaulttest.MountEngine(t, "kv", map[string]string{"version": "2"})
	deleting := vaulttest.MountEngine(t, "kv", map[string]string{"version": "2"})
	root := vaulttest.Root(t)
	vaulttest.Write(t, root, deleting+"/config", object{"delete_version_after": "1h"})
	on := func(mount string) func(*testing.T) patient { return with(vaultkit.WithMount(mount)) }
	ill{
		"missing":      {on("nowhere"), symptom{"mount", fails, vaultkit.ErrMountNotFound, "check --mount (VAULTKIT_MOUNT) first; on a new Vault, an engine is mounted by: vault secrets enable -path=nowhere -version=2 kv", "vault secrets list"}},
		"below one":    {on(second + "/in/side"), symptom{"mount", fails, vaultkit.ErrMountNotFound, "belongs to the base path", "vaultkit doctor --mount " + second + " --base in/side/goblin-assistant"}},
		"version 1":    {on(first), symptom{"mount", fails, vaultkit.ErrNotKVv2, first + "/ is KV version 1: check --mount first", "vault kv enable-versioning " + first + "/"}},
		"another kind": {on("cubbyhole"), symptom{"mount", fails, vaultkit.ErrNotKVv2, "of type cubbyhole", "vault secrets list"}},
		"no right":     {holding(`path "secret/x" { capabilities = ["deny"] }`, vaultkit.DiagnoseQuery{}), symptom{"mount", fails, vaultkit.ErrPermissionDenied, "no right below secret/, or nothing is mounted there: check --mount first", "vaultkit policy reader"}},
		"deleting":     {on(deleting), symptom{"mount", warns, nil, "deletes every version after 1h0m0s", "vault write " + deleting + "/config delete_version_after=0s"}},
		"empty":        {on(second), symptom{"providers", warns, nil, "none below " + second + "/goblin-assistant", "vault kv list " + second + "/"}},
		"no provider":  {asked(vaultkit.DiagnoseQuery{Providers: []string{"nobody"}}), symptom{"providers", fails, vaultkit.ErrNotFound, "there is no nobody: look at the names", "vaultkit list"}},
	}.examine(t)
	// The fixes for the server work.
	vaulttest.Write(t, root, deleting+"/config", object{"delete_version_after": "0s"})
	symptom{"mount", fine, nil, "keeps 10 versions", ""}.shows(t, on(deleting)(t).diagnose(t))
	symptom{"rights:reader", skips, nil, "mount failed", ""}.shows(t, on(first)(t).diagnose(t))
}

func TestDiagnoseRights(t *testing.T) {
	p, second := vaulttest.PutProvider(t, clienttest.OldSecret), vaulttest.PutProvider(t, clienttest.OldSecret)
	rotator, reader := vaulttest.Policy(t, "../../", "rotator"), vaulttest.Policy(t, "../../", "reader")
	about := func(roles ...vaultkit.Role) vaultkit.DiagnoseQuery {
		return vaultkit.DiagnoseQuery{Providers: []string{p}, Roles: roles}
	}
	path := func(text string) string { return "secret/" + text + "/" + p }
	noUpdate := clienttest.WithoutRight(rotator, clienttest.Right{Path: "secret/data/goblin-assistant/providers/+", Capability: "update"})
	noList := clienttest.WithoutRight(reader, clienttest.Right{Path: "secret/metadata/goblin-assistant/providers/", Capability: "list"})
	noAsking := strings.Replace(reader, `path "sys/capabilities-self" { capabilities = ["update"] }`, "", 1)
	denied := rotator + `path "` + path("data/goblin-assistant/providers") + `" { capabilities = ["deny"] }`
	destroys := reader + `path "secret/metadata/goblin-assistant/providers/*" { capabilities = ["read", "delete"] }`
	narrow := clienttest.Policy(t, vaultkit.RoleReader, vaultkit.OnlyProviders(p))
	fix := func(role string) string {
		return "vaultkit policy " + role + " | vault policy write goblin-" + role + " - && vault token create -orphan -no-default-policy -period=24h -policy="
	}
	ill{
		"nothing to read": {holding(clienttest.Policy(t, vaultkit.RoleMonitor), about()),
			symptom{"rights:reader", fails, vaultkit.ErrPermissionDenied, "lacks read on " + path("data/goblin-assistant/providers"), fix("reader")}},
		"reader for a rotator": {holding(reader, about(vaultkit.RoleRotator)),
			symptom{"rights:rotator", fails, vaultkit.ErrPermissionDenied, "create on " + path("data/goblin-assistant/backups") + "/+", fix("rotator")}},
		"reader":         {holding(reader, about()), symptom{"rights:rotator", skips, nil, "not what this token is for", "vaultkit doctor --role rotator"}},
		"half a rotator": {holding(noUpdate, about()), symptom{"rights:rotator", warns, nil, "lacks update on " + path("data/goblin-assistant/providers") + "; ", fix("rotator")}},
		"not a provider": {holding(denied, about()), symptom{"rights:reader", fails, vaultkit.ErrPermissionDenied, "a policy for " + p + " alone hides that, or denies it", "vault policy read testdiagnoserights-"}},
		"one of several": {holding(narrow, vaultkit.DiagnoseQuery{}), symptom{"rights:reader", warns, nil, "for " + p + " only: lacks read on secret/data/", "vaultkit doctor " + p}},
		"the one":        {holding(narrow, about()), symptom{"rights:reader", fine, nil, "for " + p, ""}},
		"no list":        {holding(noList, vaultkit.DiagnoseQuery{}), symptom{"rights:reader", fails, vaultkit.ErrPermissionDenied, "lacks list on secret/metadata/goblin-assistant/providers/", "vaultkit policy reader |"}},
		"no list to see": {holding(noList, vaultkit.DiagnoseQuery{}), symptom{"providers", skips, nil, "may not list", "vaultkit policy reader |"}},
		"may not ask":    {holding(noAsking, about()), symptom{"rights:reader", skips, nil, "sys/capabilities-self", "vault token create -orphan -period=24h -policy=testdiagnoserights-"}},
		"destroys":       {holding(destroys, about()), symptom{"excess", warns, nil, "delete on " + path("metadata/goblin-assistant/providers"), "vault policy read testdiagnoserights-"}},
		"two named": {holding(clienttest.Policy(t, vaultkit.RoleMonitor), vaultkit.DiagnoseQuery{Providers: []string{p, second}}),
			symptom{"rights:reader", fails, vaultkit.ErrPermissionDenied, ", read on secret/data/goblin-assistant/providers/" + second, fix("reader")}},
		"before a put, as root": {asked(vaultkit.DiagnoseQuery{Providers: []string{"new"}, Roles: []vaultkit.Role{vaultkit.RoleProvisioner}}),
			symptom{"providers", fine, nil, "nothing is stored yet for new", ""}},
		"before a put":    {holding(clienttest.Policy(t, vaultkit.RoleProvisioner), vaultkit.DiagnoseQuery{Providers: []string{"new"}, Roles: []vaultkit.Role{vaultkit.RoleProvisioner}}), symptom{"rights:provisioner", fine, nil, "for new", ""}},
		"audit":           {holding(reader, about()), symptom{"audit", skips, nil, "ask an operator", "vault audit list"}},
		"pending unknown": {holding(reader, about()), symptom{"pending", skips, nil, "may not look", "vaultkit policy monitor"}},
		"a crash": {func(t *testing.T) patient {
			return patient{query: vaultkit.DiagnoseQuery{Providers: []string{clienttest.PutProviderLackingARecord(t)}}}
		},
			symptom{"pending", warns, nil, "1 without a record", "vaultkit recover TestDiagnoseRights"}},
	}.examine(t)
}

// Whatever right a role lacks is named, and with the policy of the fix it is there.
func TestDiagnoseNamesEachMissingRight(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	for _, role := range vaultkit.Roles() {
		policy := clienttest.Policy(t, role)
		for _, missing := range clienttest.RightsOf(policy) {
			t.Run(string(role)+" "+missing.Capability+" "+missing.Path, func(t *testing.T) {
				query := vaultkit.DiagnoseQuery{Providers: []string{p}, Roles: []vaultkit.Role{role}}
				if role == vaultkit.RoleProvisioner {
					policy += `path "secret/data/x" { capabilities = ["read"] }` // some right below the mount
				}
				found := holding(clienttest.WithoutRight(policy, missing), query)(t).diagnose(t)
				at := strings.Replace(missing.Path, "/+", "/"+p, 1)
				symptom{"rights:" + string(role), fails, vaultkit.ErrPermissionDenied, "lacks " + missing.Capability + " on " + at, "vaultkit policy " + string(role)}.shows(t, found)
			})
		}
		symptom{"rights:" + string(role), fine, nil, "every right", ""}.shows(t,
			holding(policy, vaultkit.DiagnoseQuery{Providers: []string{p}, Roles: []vaultkit.Role{role}})(t).diagnose(t))
	}
}

// However many providers there are, every one is asked about.
func TestDiagnoseRightsOfMany(t *testing.T) {
	const base, last = "many", "p-250"
	root := vaulttest.Root(t)
	for i := range 151 {
		vaulttest.Write(t, root, fmt.Sprintf("secret/data/%s/providers/p-%d", base, 100+i), object{"data": clienttest.OldSecret})
	}
	reader := clienttest.Policy(t, vaultkit.RoleReader, vaultkit.AtBasePath(base), vaultkit.OnlyProviders(last))
	sick := holding(reader, vaultkit.DiagnoseQuery{})(t)
	sick.opts = append(sick.opts, vaultkit.WithBasePath(base))
	found := sick.diagnose(t)
	symptom{"providers", fine, nil, "p-100, p-101, p-102, p-103, p-104 and 146 more", ""}.shows(t, found)
	symptom{"rights:reader", warns, nil, "for p-250 only: lacks read on secret/data/many/providers/p-100; likewise for 149 more providers",
		"vaultkit doctor p-250 --base many"}.shows(t, found)
	sick.opts = []vaultkit.Option{vaultkit.WithBasePath(base)}
	symptom{"rights:rotator", fine, nil, "146 more", ""}.shows(t, sick.diagnose(t))
}

func TestDiagnoseAudit(t *testing.T) {
	s := vaulttest.Start(t, devvault.Options{})
	if err := vaulttest.RootOf(t, s).Sys().DisableAuditWithContext(t.Context(), "file"); err != nil {
		t.Fatal(err)
	}
	sick := patient{opts: []vaultkit.Option{at(s.Addr()), vaultkit.WithToken(vaultkit.Value(s.RootToken()))}}
	symptom{"audit", warns, nil, "no audit device", "vault audit enable file file_path="}.shows(t, sick.diagnose(t))
	symptom{"audit", fine, nil, "1 enabled", ""}.shows(t, with()(t).diagnose(t))
}
