package doctor_test

import (
	"fmt"
	"testing"

	"goblin/vaultkit/doctor"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

// beyond are rights that no role has, and the one that Diagnose names.
var beyond = []struct{ path, capabilities, found string }{
	{"secret/destroy/*", `"update"`, "update on secret/destroy/goblin-assistant/providers/"},
	{"secret/destroy/goblin-assistant/backups/+/+", `"update"`, "update on secret/destroy/goblin-assistant/backups/"},
	{"secret/destroy/goblin-assistant/rotations/*", `"update"`, "update on secret/destroy/goblin-assistant/rotations/"},
	{"secret/delete/goblin-assistant/providers/+", `"update"`, "update on secret/delete/goblin-assistant/providers/"},
	{"secret/undelete/goblin-assistant/backups/+/+", `"update"`, "update on secret/undelete/goblin-assistant/backups/"},
	{"secret/metadata/goblin-assistant/backups/*", `"delete"`, "delete on secret/metadata/goblin-assistant/backups/"},
	{"secret/metadata/goblin-assistant/backups/+/+", `"update"`, "update on secret/metadata/goblin-assistant/backups/"}, // a rotator has it
	{"secret/metadata/goblin-assistant/rotations/+/+", `"delete"`, "delete on secret/metadata/goblin-assistant/rotations/"},
	{"secret/metadata/goblin-assistant/rotations/+/+", `"create"`, "create on secret/metadata/goblin-assistant/rotations/"},
	{"secret/metadata/goblin-assistant/providers/+", `"read", "patch"`, "patch on secret/metadata/goblin-assistant/providers/"},
	{"secret/data/goblin-assistant/rotations/+/+", `"delete"`, "delete on secret/data/goblin-assistant/rotations/"},
	{"secret/data/goblin-assistant/backups/+/+", `"update"`, "update on secret/data/goblin-assistant/backups/"},
	{"secret/config", `"update"`, "update on secret/config"},
	{"sys/mounts/secret", `"delete"`, "delete on sys/mounts/secret"},
	{"sys/mounts/+", `"update"`, "update on sys/mounts/secret"},
	{"sys/mounts/secret/tune", `"update"`, "update on sys/mounts/secret/tune"},
}

func TestDiagnoseExcess(t *testing.T) {
	p, reader := vaulttest.PutProvider(t, clienttest.OldSecret), clienttest.Policy(t, policy.Reader)
	for _, one := range beyond {
		block, right := fmt.Sprintf("path %q { capabilities = [%s] }", one.path, one.capabilities), one.found
		for _, query := range []doctor.Query{{Providers: []string{p}}, {}} {
			t.Run(fmt.Sprintf("%s %d", right, len(query.Providers)), func(t *testing.T) {
				found := withTokenOf(reader+block, query)(t).findings(t)
				expected{"excess", warns, nil, "more than a reader needs: " + right, "vault policy read testdiagnoseexcess-"}.compare(t, found)
			})
		}
	}
	everything := `path "secret/*" { capabilities = ["create", "read", "update", "patch", "delete", "list"] }`
	expected{"excess", warns, nil, "more than a reader or a rotator needs: update on secret/config, update on secret/destroy/", ""}.compare(t,
		withTokenOf(everything+ownRights, doctor.Query{Providers: []string{p}, Roles: []policy.Role{"reader", "rotator"}})(t).findings(t))
}

const ownRights = `
path "auth/token/lookup-self" { capabilities = ["read"] }
path "sys/capabilities-self" { capabilities = ["update"] }
`

// A token with the policy of a role has no excess rights, and the detail says which rights were
// checked.
func TestDiagnose_FindsNoExcessInARolesPolicy(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	for _, role := range policy.Roles() {
		for _, query := range []doctor.Query{{Providers: []string{p}}, {}} {
			query.Roles = []policy.Role{role}
			policy := vaulttest.Policy(t, "../", string(role)) + `path "secret/data/x" { capabilities = ["read"] }`
			detail := "rights to change or destroy keys, backups, records and the mount: the token has none that a " + string(role) + " does not need"
			if role == "auditor" {
				detail = "the token has none that an auditor does not need"
			}
			expected{"excess", fine, nil, detail, ""}.compare(t, withTokenOf(policy, query)(t).findings(t))
		}
	}
	// Without a role in the query, the rotator's rights are checked, too. A token with all of them has
	// no excess; one with a part of them has.
	rotator := vaulttest.Policy(t, "../", "rotator")
	query := doctor.Query{Providers: []string{p}}
	expected{"excess", fine, nil, "none that a reader or a rotator does not need", ""}.compare(t, withTokenOf(rotator, query)(t).findings(t))
	expected{"excess", fine, nil, ": the token has none that a rotator does not need; ", ""}.compare(t,
		withTokenOf(ownRights+`path "secret/data/x" { capabilities = ["read"] }`, doctor.Query{Providers: []string{p}, Roles: []policy.Role{policy.Rotator}})(t).findings(t))
	half := clienttest.WithoutRight(rotator, clienttest.Right{Path: "secret/data/goblin-assistant/rotations/+/+", Capability: "create"})
	expected{"excess", warns, nil, "more than a reader needs: ", ""}.compare(t, withTokenOf(half, query)(t).findings(t))
	query.Roles = []policy.Role{policy.Reader}
	expected{"excess", warns, nil, "update on secret/data/goblin-assistant/providers/" + p, ""}.compare(t,
		withTokenOf(rotator, query)(t).findings(t))
}
