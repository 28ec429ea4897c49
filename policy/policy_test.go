package policy_test

import (
	"context"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

func TestRotatorPolicySuffices(t *testing.T) {
	client := clienttest.NewWithPolicy(t, vaulttest.Policy(t, "../", "rotator"))
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-1"})
	r := clienttest.Rotate(t, client, p, "fake-2", vaultkit.WithExpiresAt(time.Now().Add(time.Hour)))
	if len(r.Warnings) > 0 {
		t.Errorf("warnings %q", r.Warnings)
	}
	if again := clienttest.Rotate(t, client, p, "fake-2"); !again.Resumed {
		t.Errorf("rerun %+v", again)
	}
	if _, err := client.Rollback(t.Context(), p, ""); err != nil {
		t.Errorf("Rollback = %v, want no error", err)
	}
	if found, err := client.Recover(t.Context()); err != nil || found == nil {
		t.Errorf("Recover = %v, %v", found, err)
	}
	if backups, err := client.Backups(t.Context(), p); err != nil || len(backups) != 2 {
		t.Errorf("Backups = %+v, %v", backups, err)
	}
}

// Every doubtful answer is resolved with the rotator's policy too: under it a
// write that was applied and lost is refused with 403 and not with 400.
func TestRotatorPolicySufficesForDoubts(t *testing.T) {
	policy := vaulttest.Policy(t, "../", "rotator")
	for n, request := range clienttest.RotationRequests(t) {
		proxy := clienttest.NewProxy(t)
		client := clienttest.NewWithPolicy(t, policy, vaultkit.WithAddress(proxy.URL()))
		p := vaulttest.PutProvider(t, clienttest.OldSecret)
		proxy.Reset()
		proxy.SetRule(faultproxy.At(n+1, faultproxy.Lose()))
		r, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-new"))
		if err != nil || r.Outcome != vaultkit.OutcomeCommitted || len(r.Warnings) > 0 {
			t.Errorf("answer %d (%s %s) lost: %+v, %v", n+1, request.Method, request.Path, r, err)
		}
		if proxy.Log()[n].Status == 0 {
			t.Errorf("request %d was not applied", n+1)
		}
	}
}

func TestRecovererPolicySuffices(t *testing.T) {
	p := clienttest.PutProviderLackingARecord(t)
	client := clienttest.NewWithPolicy(t, vaulttest.Policy(t, "../", "recoverer"))
	found, err := client.Recover(t.Context(), p)
	if err != nil || len(found) != 1 || found[0].Outcome != vaultkit.OutcomeCommitted {
		t.Errorf("Recover(%s) = %+v, %v, want one committed rotation", p, found, err)
	}
	history, err := clienttest.New(t).History(t.Context(), p)
	if err != nil || len(history) != 2 || history[0].Outcome != vaultkit.OutcomeCommitted || history[1].Outcome != vaultkit.OutcomeCommitted {
		t.Errorf("History(%s) = %+v, %v, want two committed rotations", p, history, err)
	}
	vaulttest.AssertUnchanged(t, p, func() {
		if _, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-x")); !errors.Is(err, vaultkit.ErrPermissionDenied) {
			t.Errorf("Rotate(%s) as a recoverer = %v, want ErrPermissionDenied", p, err)
		}
	})
}

func TestProvisionerAndReaderPolicies(t *testing.T) {
	provisioner, reader := clienttest.NewWithPolicy(t, vaulttest.Policy(t, "../", "provisioner")), clienttest.NewWithPolicy(t, vaulttest.Policy(t, "../", "reader"))
	p := vaulttest.Name(t)
	keys := vaultkit.ProviderKeys{"api_key": "fake-1"}
	if version, err := provisioner.PutProviderKeys(t.Context(), p, keys); err != nil || version != 1 {
		t.Fatalf("PutProviderKeys = %d, %v", version, err)
	}
	if got := clienttest.APIKey(t, reader, p); got != "fake-1" {
		t.Errorf("key %s", got)
	}
	if names, err := reader.Providers(t.Context()); err != nil || len(names) == 0 {
		t.Errorf("Providers = %v, %v", names, err)
	}
	vaulttest.AssertUnchanged(t, p, func() {
		// It has the right it needs: what stands in the way is the secret.
		_, err := provisioner.PutProviderKeys(t.Context(), p, keys)
		if !errors.Is(err, vaultkit.ErrConflict) || errors.Is(err, vaultkit.ErrPermissionDenied) {
			t.Errorf("provisioner stores again: %v", err)
		}
		for what, err := range map[string]error{
			"provisioner reads":    clienttest.ErrorOf(provisioner.GetAPIKey(t.Context(), p)),
			"reader stores":        clienttest.ErrorOf(reader.PutProviderKeys(t.Context(), p+"x", keys)),
			"reader rotates":       clienttest.ErrorOf(reader.Rotate(t.Context(), p, vaultkit.NewKey("fake-2"))),
			"reader recovers":      clienttest.ErrorOf(reader.Recover(t.Context(), p)),
			"reader lists backups": clienttest.ErrorOf(reader.Backups(t.Context(), p)),
			"reader reads history": clienttest.ErrorOf(reader.History(t.Context(), p)),
		} {
			failed, ok := errors.AsType[*vaultkit.Error](err)
			if !ok || !errors.Is(err, vaultkit.ErrPermissionDenied) || failed.Capability == "" || failed.Path == "" {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// Each role's token may use the verbs the table says and no other.
func TestVerbTable(t *testing.T) {
	for _, row := range verbTable {
		checkMarks(t, row.verb, row.may)
		for column, role := range policy.Roles() {
			t.Run(row.verb+"/"+string(role), func(t *testing.T) {
				p, unused := clienttest.PutProviderLackingARecord(t), vaulttest.Name(t)
				client := clienttest.NewWithPolicy(t, clienttest.Policy(t, role, policy.OnlyProviders(p, unused)))
				if row.may[column] == 'x' {
					if err := row.do(t.Context(), client, p, unused); err != nil {
						t.Errorf("do = %v, want no error", err)
					}
					return
				}
				before := vaulttest.Look(t, "providers/"+p) // a recoverer's Rollback does record what it finds first
				if err := row.do(t.Context(), client, p, unused); !errors.Is(err, vaultkit.ErrPermissionDenied) {
					t.Errorf("not refused: %v", err)
				}
				if after := vaulttest.Look(t, "providers/"+p); !reflect.DeepEqual(before, after) {
					t.Errorf("the provider changed:\nbefore %v\nafter  %v", before, after)
				}
			})
		}
	}
}

// A policy for another mount and base path is enough there.
func TestPolicyElsewhere(t *testing.T) {
	const mount, base = "team/elsewhere", "a/b"
	sys := vaulttest.Root(t).Sys()
	if err := sys.MountWithContext(t.Context(), mount, &api.MountInput{Type: "kv", Options: map[string]string{"version": "2"}}); err != nil {
		t.Fatalf("MountWithContext = %v, want no error", err)
	}
	defer sys.UnmountWithContext(t.Context(), mount)
	at := []policy.Option{policy.AtMount(mount), policy.AtBasePath(base), policy.OnlyProviders("p")}
	there := func(role policy.Role) *vaultkit.Client {
		return clienttest.NewWithPolicy(t, clienttest.Policy(t, role, at...), vaultkit.WithMount(mount), vaultkit.WithBasePath(base))
	}
	if _, err := there(policy.Provisioner).PutProviderKeys(t.Context(), "p", vaultkit.ProviderKeys{"api_key": "fake-1"}); err != nil {
		t.Fatalf("PutProviderKeys = %v, want no error", err)
	}
	clienttest.Rotate(t, there(policy.Rotator), "p", "fake-2")
	if found, err := there(policy.Auditor).Backups(t.Context(), "p"); err != nil || len(found) != 1 {
		t.Errorf("Backups = %v, %v", found, err)
	}
	if got := clienttest.APIKey(t, there(policy.Reader), "p"); got != "fake-2" {
		t.Errorf("key %s", got)
	}
}

// A narrowed policy takes away what a general one gives, so the two do not mix.
func TestNarrowedPolicyWinsOverAGeneralOne(t *testing.T) {
	p, other := vaulttest.PutProvider(t, clienttest.OldSecret), vaulttest.PutProvider(t, clienttest.OldSecret)
	client := clienttest.NewWithPolicy(t, clienttest.Policy(t, policy.Reader)+clienttest.Policy(t, policy.Provisioner, policy.OnlyProviders(p)))
	if _, err := client.GetAPIKey(t.Context(), other); err != nil {
		t.Errorf("GetAPIKey = %v, want no error", err)
	}
	if _, err := client.GetAPIKey(t.Context(), p); !errors.Is(err, vaultkit.ErrPermissionDenied) {
		t.Errorf("GetAPIKey = %v", err)
	}
}

// Each right of the rotator is needed by Rotate; without it, Rotate says which
// one is missing before it writes anything. Those that are not: see the cases.
func TestEachMissingCapability(t *testing.T) {
	policy := vaulttest.Policy(t, "../", "rotator")
	rights := clienttest.RightsOf(policy)
	if len(rights) != 17 {
		t.Fatalf("%d rights: %v", len(rights), rights)
	}
	for _, missing := range rights {
		t.Run(missing.Capability+" "+missing.Path, func(t *testing.T) {
			client := clienttest.NewWithPolicy(t, clienttest.WithoutRight(policy, missing))
			p := vaulttest.PutProvider(t, clienttest.OldSecret)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if !neededByRotate(missing) {
				r, err := client.Rotate(ctx, p, vaultkit.NewKey("fake-new"), vaultkit.WithExpiresAt(time.Now().Add(time.Hour)))
				if err != nil || (len(r.Warnings) > 0) != (missing.Capability == "patch") {
					t.Errorf("Rotate = %+v, %v", r, err)
				}
				return
			}
			vaulttest.AssertUnchanged(t, p, func() {
				_, err := client.Rotate(ctx, p, vaultkit.NewKey("fake-new"))
				failed, ok := errors.AsType[*vaultkit.Error](err)
				if !ok || !errors.Is(err, vaultkit.ErrPermissionDenied) || failed.Capability != missing.Capability || !covers(missing.Path, failed.Path) {
					t.Errorf("Rotate = %v", err)
				}
			})
		})
	}
}

// neededByRotate: the list of providers is Recover's, the expiry tag optional, the entries
// that announce a revocation are RevokeOld's, and the list of their directories is History's.
func neededByRotate(r clienttest.Right) bool {
	return r.Path != "secret/metadata/goblin-assistant/providers/" && r.Capability != "patch" &&
		r.Path != "secret/metadata/goblin-assistant/revocations/+/" &&
		!strings.Contains(r.Path, "/data/goblin-assistant/revocations/")
}

// covers reports whether a policy's path pattern is about path.
func covers(pattern, path string) bool {
	expr := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\+`, `[^/]+`)
	return regexp.MustCompile(`^` + expr + `/?$`).MatchString(path)
}

// A token that may not ask for its capabilities finds out by trying; what is
// missing after the commit is then told together with the committed rotation.
func TestMissingCapabilitiesWithoutAsking(t *testing.T) {
	policy := strings.Replace(vaulttest.Policy(t, "../", "rotator"), `path "sys/capabilities-self" { capabilities = ["update"] }`, "", 1)
	for _, missing := range clienttest.RightsOf(policy) {
		if missing.Capability != "create" && missing.Capability != "update" || !neededByRotate(missing) {
			continue
		}
		t.Run(missing.Capability+" "+missing.Path, func(t *testing.T) {
			client := clienttest.NewWithPolicy(t, clienttest.WithoutRight(policy, missing))
			p := vaulttest.PutProvider(t, clienttest.OldSecret)
			r, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-new"))
			failed, ok := errors.AsType[*vaultkit.Error](err)
			if !ok || failed.Capability != missing.Capability || !covers(missing.Path, failed.Path) {
				t.Fatalf("Rotate = %+v, %v", r, err)
			}
			committed := strings.Contains(missing.Path, "/rotations/")
			want, not := vaultkit.ErrPermissionDenied, vaultkit.ErrUndetermined
			if committed {
				want, not = not, want
			}
			if !errors.Is(err, want) || errors.Is(err, not) || (r != nil) != committed {
				t.Errorf("Rotate = %+v, %v", r, err)
			}
			// With the right back, the same call finishes what was begun.
			full := clienttest.Rotate(t, clienttest.New(t), p, "fake-new")
			if full.NewVersion != 2 || full.Resumed != committed {
				t.Errorf("rerun %+v", full)
			}
		})
	}
}
