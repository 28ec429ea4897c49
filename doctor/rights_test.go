package doctor_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/doctor"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

func TestDiagnoseMount(t *testing.T) {
	first, second := vaulttest.MountEngine(t, "kv", nil), vaulttest.MountEngine(t, "kv", map[string]string{"version": "2"})
	deleting := vaulttest.MountEngine(t, "kv", map[string]string{"version": "2"})
	root := vaulttest.Root(t)
	vaulttest.Write(t, root, deleting+"/config", object{"delete_version_after": "1h"})
	on := func(mount string) func(*testing.T) diagnosis { return withOptions(vaultkit.WithMount(mount)) }
	problems{
		"missing": {on("nowhere"), expected{"mount", fails, vaultkit.ErrMountNotFound,
			"check --mount (VAULTKIT_MOUNT) first, or make the mount", "vaultkit setup --policy reader --mount nowhere --yes"}},
		"below one": {on(second + "/in/side"),
			expected{"mount", fails, vaultkit.ErrMountNotFound, "belongs to the base path",
				"vaultkit doctor --mount " + second + " --base in/side/goblin-assistant"}},
		"version 1": {on(first), expected{"mount", fails, vaultkit.ErrNotKVv2, first + "/ is KV version 1: check --mount first",
			"vault kv enable-versioning " + first + "/"}},
		"another kind": {on("cubbyhole"), expected{"mount", fails, vaultkit.ErrNotKVv2, "of type cubbyhole", "vault secrets list"}},
		"no right": {withTokenOf(`path "secret/x" { capabilities = ["deny"] }`, doctor.Query{}),
			expected{"mount", fails, vaultkit.ErrPermissionDenied,
				"no right below secret/, or nothing is mounted there: check --mount first", "vaultkit policy reader"}},
		"deleting": {on(deleting), expected{"mount", warns, nil, "deletes every version after 1h0m0s",
			"vault write " + deleting + "/config delete_version_after=0s"}},
		"empty": {on(second), expected{"providers", warns, nil, "none below " + second + "/goblin-assistant",
			"vault kv list " + second + "/"}},
		"no provider": {withQuery(doctor.Query{Providers: []string{"nobody"}}),
			expected{"providers", fails, vaultkit.ErrNotFound, "there is no nobody: list the providers", "vaultkit list"}},
	}.check(t)
	// The fix of the mount's settings works.
	vaulttest.Write(t, root, deleting+"/config", object{"delete_version_after": "0s"})
	expected{"mount", fine, nil, "keeps 10 versions", ""}.compare(t, on(deleting)(t).findings(t))
	expected{"rights:reader", skips, nil, "mount failed", ""}.compare(t, on(first)(t).findings(t))
}

// A mount that requires check-and-set for metadata serves readers, but no rotation: that fails and
// stays pending until the setting has changed.
func TestDiagnoseMount_RequiresMetadataCAS(t *testing.T) {
	server := guardedMount(t)
	opts := []vaultkit.Option{at(server.Addr()), vaultkit.WithToken(vaultkit.FromString(server.RootToken()))}
	const fix = "vault write secret/config metadata_cas_required=false"
	guarded := func(query doctor.Query) diagnosis { return diagnosis{query: query, opts: opts} }
	expected{"mount", fails, vaultkit.ErrInvalid, "requires check-and-set for metadata (metadata_cas_required)", fix}.
		compare(t, guarded(doctor.Query{}).findings(t))
	expected{"mount", warns, nil, "nobody can rotate", fix}.
		compare(t, guarded(doctor.Query{Roles: []policy.Role{policy.Reader}}).findings(t))
	c, err := vaultkit.New(t.Context(), opts...)
	if err != nil {
		t.Fatalf("New = %v, want no error", err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := c.PutProviderKeys(t.Context(), "p", vaultkit.ProviderKeys{"api_key": "fake-1"}); err != nil {
		t.Fatalf("PutProviderKeys = %v, want no error", err)
	}
	if _, err := c.Rotate(t.Context(), "p", vaultkit.NewKey("fake-2")); !errors.Is(err, vaultkit.ErrInvalid) {
		t.Errorf("Rotate on a mount that requires check-and-set for metadata = %v, want ErrInvalid", err)
	}
	vaulttest.Write(t, vaulttest.RootOf(t, server), "secret/config", object{"metadata_cas_required": false})
	if resolved, err := c.Recover(t.Context(), "p"); err != nil || len(resolved) != 1 {
		t.Errorf("Recover after the setting changed = %d rotations, %v, want the one that failed", len(resolved), err)
	}
}

func TestDiagnoseRights(t *testing.T) {
	p, second := vaulttest.PutProvider(t, clienttest.OldSecret), vaulttest.PutProvider(t, clienttest.OldSecret)
	rotator, reader := vaulttest.Policy(t, "../", "rotator"), vaulttest.Policy(t, "../", "reader")
	about := func(roles ...policy.Role) doctor.Query {
		return doctor.Query{Providers: []string{p}, Roles: roles}
	}
	path := func(text string) string { return "secret/" + text + "/" + p }
	noUpdate := clienttest.WithoutRight(rotator, clienttest.Right{Path: "secret/data/goblin-assistant/providers/+", Capability: "update"})
	noList := clienttest.WithoutRight(reader, clienttest.Right{Path: "secret/metadata/goblin-assistant/providers/", Capability: "list"})
	noAsking := strings.Replace(reader, `path "sys/capabilities-self" { capabilities = ["update"] }`, "", 1)
	denied := rotator + `path "` + path("data/goblin-assistant/providers") + `" { capabilities = ["deny"] }`
	destroys := reader + `path "secret/metadata/goblin-assistant/providers/*" { capabilities = ["read", "delete"] }`
	narrow := clienttest.Policy(t, policy.Reader, policy.OnlyProviders(p))
	fix := func(role string) string {
		return "vaultkit setup --policy " + role + " --yes && " +
			"vault token create -orphan -no-default-policy -period=24h -policy="
	}
	problems{
		"nothing to read": {withTokenOf(clienttest.Policy(t, policy.Monitor), about()),
			expected{"rights:reader", fails, vaultkit.ErrPermissionDenied, "lacks read on " + path("data/goblin-assistant/providers"),
				fix("reader")}},
		"reader for a rotator": {withTokenOf(reader, about(policy.Rotator)),
			expected{"rights:rotator", fails, vaultkit.ErrPermissionDenied, "create on " + path("data/goblin-assistant/backups") + "/+",
				fix("rotator")}},
		"reader": {withTokenOf(reader, about()),
			expected{"rights:rotator", skips, nil, "not what this token is for", "vaultkit doctor --role rotator"}},
		"half a rotator": {withTokenOf(noUpdate, about()),
			expected{"rights:rotator", warns, nil, "lacks update on " + path("data/goblin-assistant/providers") + "; ", fix("rotator")}},
		"not a provider": {withTokenOf(denied, about()),
			expected{"rights:reader", fails, vaultkit.ErrPermissionDenied, "a policy for " + p + " alone hides that, or denies it",
				"vault policy read testdiagnoserights-"}},
		"one of several": {withTokenOf(narrow, doctor.Query{}),
			expected{"rights:reader", warns, nil, "for " + p + " only: lacks read on secret/data/", "vaultkit doctor " + p}},
		"the one": {withTokenOf(narrow, about()), expected{"rights:reader", fine, nil, "for " + p, ""}},
		"no list": {withTokenOf(noList, doctor.Query{}),
			expected{"rights:reader", fails, vaultkit.ErrPermissionDenied, "lacks list on secret/metadata/goblin-assistant/providers/",
				"vaultkit setup --policy reader"}},
		"no list to see": {withTokenOf(noList, doctor.Query{}), expected{"providers", skips, nil, "the token cannot list", "vaultkit setup --policy reader"}},
		"may not ask": {withTokenOf(noAsking, about()),
			expected{"rights:reader", skips, nil, "sys/capabilities-self", "vault token create -orphan -period=24h -policy=testdiagnoserights-"}},
		"destroys": {withTokenOf(destroys, about()),
			expected{"excess", warns, nil, "delete on " + path("metadata/goblin-assistant/providers"), "vault policy read testdiagnoserights-"}},
		"two named": {withTokenOf(clienttest.Policy(t, policy.Monitor), doctor.Query{Providers: []string{p, second}}),
			expected{"rights:reader", fails, vaultkit.ErrPermissionDenied, ", read on secret/data/goblin-assistant/providers/" + second,
				fix("reader")}},
		"before a put, as root": {withQuery(doctor.Query{Providers: []string{"new"}, Roles: []policy.Role{policy.Provisioner}}),
			expected{"providers", fine, nil, "nothing is stored yet for new", ""}},
		"before a put": {withTokenOf(clienttest.Policy(t, policy.Provisioner),
			doctor.Query{Providers: []string{"new"},
				Roles: []policy.Role{policy.Provisioner}}), expected{"rights:provisioner", fine, nil, "for new", ""}},
		"audit":           {withTokenOf(reader, about()), expected{"audit", skips, nil, "ask an operator", "vault audit list"}},
		"pending unknown": {withTokenOf(reader, about()), expected{"pending", skips, nil, "may not look", "vaultkit setup --policy monitor --yes && vault token create"}},
		"a crash": {func(t *testing.T) diagnosis {
			return diagnosis{query: doctor.Query{Providers: []string{clienttest.PutProviderLackingARecord(t)}}}
		},
			expected{"pending", warns, nil, "rotations without a record: 1, of ", "vaultkit recover TestDiagnoseRights"}},
	}.check(t)
}

// Diagnose names each right that a role lacks. With the policy of the fix, the right is there.
func TestDiagnose_NamesEachMissingRight(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	for _, role := range policy.Roles() {
		text := clienttest.Policy(t, role)
		for _, missing := range clienttest.RightsOf(text) {
			t.Run(string(role)+" "+missing.Capability+" "+missing.Path, func(t *testing.T) {
				query := doctor.Query{Providers: []string{p}, Roles: []policy.Role{role}}
				if role == policy.Provisioner {
					text += `path "secret/data/x" { capabilities = ["read"] }` // some right below the mount
				}
				found := withTokenOf(clienttest.WithoutRight(text, missing), query)(t).findings(t)
				at := strings.Replace(missing.Path, "/+", "/"+p, 1)
				expected{"rights:" + string(role), fails, vaultkit.ErrPermissionDenied, "lacks " + missing.Capability + " on " + at,
					"vaultkit setup --policy " + string(role)}.compare(t, found)
			})
		}
		expected{"rights:" + string(role), fine, nil, "every right", ""}.compare(t,
			withTokenOf(text, doctor.Query{Providers: []string{p}, Roles: []policy.Role{role}})(t).findings(t))
	}
}

// Diagnose checks the rights for every provider, even if there are many.
func TestDiagnose_RightsForManyProviders(t *testing.T) {
	const base, last = "many", "p-250"
	root := vaulttest.Root(t)
	for i := range 151 {
		vaulttest.Write(t, root, fmt.Sprintf("secret/data/%s/providers/p-%d", base, 100+i), object{"data": clienttest.OldSecret})
	}
	reader := clienttest.Policy(t, policy.Reader, policy.AtBasePath(base), policy.OnlyProviders(last))
	problem := withTokenOf(reader, doctor.Query{})(t)
	problem.opts = append(problem.opts, vaultkit.WithBasePath(base))
	found := problem.findings(t)
	expected{"providers", fine, nil, "p-100, p-101, p-102, p-103, p-104 and 146 more", ""}.compare(t, found)
	expected{"rights:reader", warns, nil, "for p-250 only: lacks read on secret/data/many/providers/p-100; likewise for 149 more providers",
		"vaultkit doctor p-250 --base many"}.compare(t, found)
	problem.opts = []vaultkit.Option{vaultkit.WithBasePath(base)}
	expected{"rights:rotator", fine, nil, "146 more", ""}.compare(t, problem.findings(t))
}

func TestDiagnoseAudit(t *testing.T) {
	s := vaulttest.Start(t)
	if err := vaulttest.RootOf(t, s).Sys().DisableAuditWithContext(t.Context(), "file"); err != nil {
		t.Fatalf("DisableAuditWithContext = %v, want no error", err)
	}
	problem := diagnosis{opts: []vaultkit.Option{at(s.Addr()), vaultkit.WithToken(vaultkit.FromString(s.RootToken()))}}
	expected{"audit", warns, nil, "no audit device", "vault audit enable file file_path="}.compare(t, problem.findings(t))
	expected{"audit", fine, nil, "1 enabled", ""}.compare(t, withOptions()(t).findings(t))
}
