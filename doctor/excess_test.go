package doctor_test

import (
	"fmt"
	"testing"

	"goblin/vaultkit/doctor"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

// beyond are blocks of a policy that no role has, and the right that is found.
var beyond = map[string]string{
	`path "secret/destroy/*" { capabilities = ["update"] }`:                                    "update on secret/destroy/goblin-assistant/providers/",
	`path "secret/destroy/goblin-assistant/backups/+/+" { capabilities = ["update"] }`:         "update on secret/destroy/goblin-assistant/backups/",
	`path "secret/destroy/goblin-assistant/rotations/*" { capabilities = ["update"] }`:         "update on secret/destroy/goblin-assistant/rotations/",
	`path "secret/delete/goblin-assistant/providers/+" { capabilities = ["update"] }`:          "update on secret/delete/goblin-assistant/providers/",
	`path "secret/undelete/goblin-assistant/backups/+/+" { capabilities = ["update"] }`:        "update on secret/undelete/goblin-assistant/backups/",
	`path "secret/metadata/goblin-assistant/backups/*" { capabilities = ["delete"] }`:          "delete on secret/metadata/goblin-assistant/backups/",
	`path "secret/metadata/goblin-assistant/backups/+/+" { capabilities = ["update"] }`:        "update on secret/metadata/goblin-assistant/backups/", // the rotator's, by itself
	`path "secret/metadata/goblin-assistant/rotations/+/+" { capabilities = ["delete"] }`:      "delete on secret/metadata/goblin-assistant/rotations/",
	`path "secret/metadata/goblin-assistant/rotations/+/+" { capabilities = ["create"] }`:      "create on secret/metadata/goblin-assistant/rotations/",
	`path "secret/metadata/goblin-assistant/providers/+" { capabilities = ["read", "patch"] }`: "patch on secret/metadata/goblin-assistant/providers/",
	`path "secret/data/goblin-assistant/rotations/+/+" { capabilities = ["delete"] }`:          "delete on secret/data/goblin-assistant/rotations/",
	`path "secret/data/goblin-assistant/backups/+/+" { capabilities = ["update"] }`:            "update on secret/data/goblin-assistant/backups/",
	`path "secret/config" { capabilities = ["update"] }`:                                       "update on secret/config",
	`path "sys/mounts/secret" { capabilities = ["delete"] }`:                                   "delete on sys/mounts/secret",
	`path "sys/mounts/+" { capabilities = ["update"] }`:                                        "update on sys/mounts/secret",
	`path "sys/mounts/secret/tune" { capabilities = ["update"] }`:                              "update on sys/mounts/secret/tune",
}

func TestDiagnoseExcess(t *testing.T) {
	p, reader := vaulttest.PutProvider(t, clienttest.OldSecret), clienttest.Policy(t, policy.Reader)
	for block, right := range beyond {
		for _, query := range []doctor.Query{{Providers: []string{p}}, {}} {
			t.Run(fmt.Sprintf("%s %d", right, len(query.Providers)), func(t *testing.T) {
				found := withTokenOf(reader+block, query)(t).findings(t)
				expected{"excess", warns, nil, "more than a reader needs: " + right, "vault policy read testdiagnoseexcess-"}.compare(t, found)
			})
		}
	}
	everything := `path "secret/*" { capabilities = ["create", "read", "update", "patch", "delete", "list"] }`
	expected{"excess", warns, nil, "more than a reader and rotator needs: update on secret/config, update on secret/destroy/", ""}.compare(t,
		withTokenOf(everything+ownRights, doctor.Query{Providers: []string{p}, Roles: []policy.Role{"reader", "rotator"}})(t).findings(t))
}

const ownRights = `
path "auth/token/lookup-self" { capabilities = ["read"] }
path "sys/capabilities-self" { capabilities = ["update"] }
`

// A role's own rights are none beyond it, and no more is claimed than was asked.
func TestDiagnoseExcessOfRoles(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	for _, role := range policy.Roles() {
		for _, query := range []doctor.Query{{Providers: []string{p}}, {}} {
			query.Roles = []policy.Role{role}
			policy := vaulttest.Policy(t, "../", string(role)) + `path "secret/data/x" { capabilities = ["read"] }`
			expected{"excess", fine, nil, "rights to change or destroy keys, backups, records and the mount, the token has only a " + string(role) + "'s", ""}.compare(t,
				withTokenOf(policy, query)(t).findings(t))
		}
	}
	// The rotator is looked at unasked: a whole one has its rights, and what only
	// resembles one has too many.
	rotator := vaulttest.Policy(t, "../", "rotator")
	query := doctor.Query{Providers: []string{p}}
	expected{"excess", fine, nil, "only a reader and rotator's", ""}.compare(t, withTokenOf(rotator, query)(t).findings(t))
	half := clienttest.WithoutRight(rotator, clienttest.Right{Path: "secret/data/goblin-assistant/rotations/+/+", Capability: "create"})
	expected{"excess", warns, nil, "more than a reader needs: ", ""}.compare(t, withTokenOf(half, query)(t).findings(t))
	query.Roles = []policy.Role{policy.Reader}
	expected{"excess", warns, nil, "update on secret/data/goblin-assistant/providers/" + p, ""}.compare(t, withTokenOf(rotator, query)(t).findings(t))
}
