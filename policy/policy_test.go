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

func TestRotatorPolicy_Suffices(t *testing.T) {
	client := clienttest.NewWithPolicy(t, vaulttest.Policy(t, "../", "rotator"))
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-1"})
	r := clienttest.Rotate(t, client, p, "fake-2", vaultkit.WithExpiresAt(time.Now().Add(time.Hour)))
	if len(r.Warnings) > 0 {
		t.Errorf("Rotate warned %q, want no warning", r.Warnings)
	}
	if again := clienttest.Rotate(t, client, p, "fake-2"); !again.Resumed {
		t.Errorf("the second Rotate = %+v, want resumed", again)
	}
	if _, err := client.Rollback(t.Context(), p, ""); err != nil {
		t.Errorf("Rollback = %v, want no error", err)
	}
	if found, err := client.Recover(t.Context()); err != nil || found == nil {
		t.Errorf("Recover = %v, %v, want no error", found, err)
	}
	if backups, err := client.Backups(t.Context(), p); err != nil || len(backups) != 2 {
		t.Errorf("Backups = %+v, %v, want 2", backups, err)
	}
}

// With the rotator's policy, Rotate also finds out what a lost response was: under this policy, Vault
// refuses a second write of a backup with 403 and not with 400.
func TestRotatorPolicy_SufficesAfterALostResponse(t *testing.T) {
	policy := vaulttest.Policy(t, "../", "rotator")
	for n, request := range clienttest.RotationRequests(t) {
		proxy := clienttest.NewProxy(t)
		client := clienttest.NewWithPolicy(t, policy, vaultkit.WithAddress(proxy.URL()))
		p := vaulttest.PutProvider(t, clienttest.OldSecret)
		proxy.Reset()
		proxy.SetRule(faultproxy.At(n+1, faultproxy.Lose()))
		r, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-new"))
		if err != nil || r.Outcome != vaultkit.OutcomeCommitted || len(r.Warnings) > 0 {
			t.Errorf("Rotate without response %d (%s %s) = %+v, %v, want committed", n+1, request.Method, request.Path, r, err)
		}
		if proxy.Log()[n].Status == 0 {
			t.Errorf("request %d has status 0, want it applied", n+1)
		}
	}
}

func TestRecovererPolicy_Suffices(t *testing.T) {
	p := clienttest.PutProviderLackingARecord(t)
	client := clienttest.NewWithPolicy(t, vaulttest.Policy(t, "../", "recoverer"))
	found, err := client.Recover(t.Context(), p)
	if err != nil || len(found) != 1 || found[0].Outcome != vaultkit.OutcomeCommitted {
		t.Errorf("Recover(%s) = %+v, %v, want one committed rotation", p, found, err)
	}
	history, err := clienttest.New(t).History(t.Context(), p)
	committed := func(i int) bool { return i < len(history) && history[i].Outcome == vaultkit.OutcomeCommitted }
	if err != nil || len(history) != 2 || !committed(0) || !committed(1) {
		t.Errorf("History(%s) = %+v, %v, want two committed rotations", p, history, err)
	}
	vaulttest.AssertUnchanged(t, p, func() {
		if _, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-x")); !errors.Is(err, vaultkit.ErrPermissionDenied) {
			t.Errorf("Rotate(%s) as a recoverer = %v, want ErrPermissionDenied", p, err)
		}
	})
}

func TestProvisionerAndReaderPolicy_AllowNothingElse(t *testing.T) {
	provisioner := clienttest.NewWithPolicy(t, vaulttest.Policy(t, "../", "provisioner"))
	reader := clienttest.NewWithPolicy(t, vaulttest.Policy(t, "../", "reader"))
	p := vaulttest.Name(t)
	keys := vaultkit.ProviderKeys{"api_key": "fake-1"}
	if version, err := provisioner.PutProviderKeys(t.Context(), p, keys); err != nil || version != 1 {
		t.Fatalf("PutProviderKeys as a provisioner = %d, %v, want version 1", version, err)
	}
	if got := clienttest.APIKey(t, reader, p); got != "fake-1" {
		t.Errorf("GetAPIKey as a reader = %s, want fake-1", got)
	}
	if names, err := reader.Providers(t.Context()); err != nil || len(names) == 0 {
		t.Errorf("Providers as a reader = %v, %v, want some", names, err)
	}
	vaulttest.AssertUnchanged(t, p, func() {
		// The policy allows the request. The existing secret prevents it.
		_, err := provisioner.PutProviderKeys(t.Context(), p, keys)
		if !errors.Is(err, vaultkit.ErrConflict) || errors.Is(err, vaultkit.ErrPermissionDenied) {
			t.Errorf("the second PutProviderKeys as a provisioner = %v, want ErrConflict", err)
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
				t.Errorf("%s = %v, want ErrPermissionDenied with capability and path", what, err)
			}
		}
	})
}

// A token of a role can make the calls that the table says, and no others.
func TestPolicy_AllowsTheCallsOfTheTable(t *testing.T) {
	for _, row := range verbTable {
		checkMarks(t, row.verb, row.may)
		for column, role := range policy.Roles() {
			t.Run(row.verb+"/"+string(role), func(t *testing.T) {
				p, unused := clienttest.PutProviderLackingARecord(t), vaulttest.Name(t)
				client := clienttest.NewWithPolicy(t, clienttest.Policy(t, role, policy.OnlyProviders(p, unused)))
				if row.may[column] == 'x' {
					if err := row.do(t.Context(), client, p, unused); err != nil {
						t.Errorf("%s as a %s = %v, want no error", row.verb, role, err)
					}
					return
				}
				before := vaulttest.Look(t, "providers/"+p) // not the records: a recoverer's Rollback writes missing ones first
				if err := row.do(t.Context(), client, p, unused); !errors.Is(err, vaultkit.ErrPermissionDenied) {
					t.Errorf("%s as a %s = %v, want ErrPermissionDenied", row.verb, role, err)
				}
				if after := vaulttest.Look(t, "providers/"+p); !reflect.DeepEqual(before, after) {
					t.Errorf("after %s the provider is %v, want it unchanged: %v", row.verb, after, before)
				}
			})
		}
	}
}

// A policy for another mount and base path suffices there.
func TestForRole_AtAnotherMountAndBasePath(t *testing.T) {
	const mount, base = "team/elsewhere", "a/b"
	sys := vaulttest.Root(t).Sys()
	engine := &api.MountInput{Type: "kv", Options: map[string]string{"version": "2"}}
	if err := sys.MountWithContext(t.Context(), mount, engine); err != nil {
		t.Fatalf("MountWithContext = %v, want no error", err)
	}
	defer sys.UnmountWithContext(t.Context(), mount)
	at := []policy.Option{policy.AtMount(mount), policy.AtBasePath(base), policy.OnlyProviders("p")}
	there := func(role policy.Role) *vaultkit.Client {
		return clienttest.NewWithPolicy(t, clienttest.Policy(t, role, at...), vaultkit.WithMount(mount), vaultkit.WithBasePath(base))
	}
	keys := vaultkit.ProviderKeys{"api_key": "fake-1"}
	if _, err := there(policy.Provisioner).PutProviderKeys(t.Context(), "p", keys); err != nil {
		t.Fatalf("PutProviderKeys = %v, want no error", err)
	}
	clienttest.Rotate(t, there(policy.Rotator), "p", "fake-2")
	if found, err := there(policy.Auditor).Backups(t.Context(), "p"); err != nil || len(found) != 1 {
		t.Errorf("Backups as an auditor = %v, %v, want 1", found, err)
	}
	if got := clienttest.APIKey(t, there(policy.Reader), "p"); got != "fake-2" {
		t.Errorf("GetAPIKey as a reader = %s, want fake-2", got)
	}
}

// For a path in both, a narrowed policy replaces a general one. So a token must not have both.
func TestOnlyProviders_ReplacesAGeneralPolicy(t *testing.T) {
	p, other := vaulttest.PutProvider(t, clienttest.OldSecret), vaulttest.PutProvider(t, clienttest.OldSecret)
	client := clienttest.NewWithPolicy(t, clienttest.Policy(t, policy.Reader)+clienttest.Policy(t, policy.Provisioner,
		policy.OnlyProviders(p)))
	if _, err := client.GetAPIKey(t.Context(), other); err != nil {
		t.Errorf("GetAPIKey of the other provider = %v, want no error", err)
	}
	if _, err := client.GetAPIKey(t.Context(), p); !errors.Is(err, vaultkit.ErrPermissionDenied) {
		t.Errorf("GetAPIKey of the narrowed provider = %v, want ErrPermissionDenied", err)
	}
}

// If the token lacks a right that Rotate needs, Rotate names it before it writes anything. Without
// the others, Rotate works.
func TestRotate_NamesTheMissingCapability(t *testing.T) {
	policy := vaulttest.Policy(t, "../", "rotator")
	rights := clienttest.RightsOf(policy)
	if len(rights) != 17 {
		t.Fatalf("the rotator has %d rights, want 17: %v", len(rights), rights)
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
					t.Errorf("Rotate = %+v, %v, want committed, with a warning only without patch", r, err)
				}
				return
			}
			vaulttest.AssertUnchanged(t, p, func() {
				_, err := client.Rotate(ctx, p, vaultkit.NewKey("fake-new"))
				failed, ok := errors.AsType[*vaultkit.Error](err)
				if !ok || !errors.Is(err, vaultkit.ErrPermissionDenied) || failed.Capability != missing.Capability ||
					!covers(missing.Path, failed.Path) {
					t.Errorf("Rotate = %v, want ErrPermissionDenied that names %s on %s", err, missing.Capability, missing.Path)
				}
			})
		})
	}
}

// neededByRotate reports whether Rotate needs a right of the rotator. Recover needs the list of
// providers, RevokeOld writes the entries of revocations, History lists their directories, and the
// expiry tag is optional.
func neededByRotate(r clienttest.Right) bool {
	return r.Path != "secret/metadata/goblin-assistant/providers/" && r.Capability != "patch" &&
		r.Path != "secret/metadata/goblin-assistant/revocations/+/" &&
		!strings.Contains(r.Path, "/data/goblin-assistant/revocations/")
}

// covers reports whether a policy's path pattern matches a path.
func covers(pattern, path string) bool {
	expr := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\+`, `[^/]+`)
	return regexp.MustCompile(`^` + expr + `/?$`).MatchString(path)
}

// If the token cannot query its own capabilities, a missing right shows at the request that needs it.
// If that is after the commit, the error comes together with the committed rotation.
func TestRotate_MissingCapabilityThatCannotBeQueried(t *testing.T) {
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
				t.Fatalf("Rotate = %+v, %v, want an error that names %s on %s", r, err, missing.Capability, missing.Path)
			}
			committed := strings.Contains(missing.Path, "/rotations/")
			want, not := vaultkit.ErrPermissionDenied, vaultkit.ErrUndetermined
			if committed {
				want, not = not, want
			}
			if !errors.Is(err, want) || errors.Is(err, not) || (r != nil) != committed {
				t.Errorf("Rotate = %+v, %v, want %v, with a Rotation: %t", r, err, want, committed)
			}
			// With the right, the same call finishes the rotation.
			full := clienttest.Rotate(t, clienttest.New(t), p, "fake-new")
			if full.NewVersion != 2 || full.Resumed != committed {
				t.Errorf("Rotate with the right = %+v, want version 2, resumed: %t", full, committed)
			}
		})
	}
}
