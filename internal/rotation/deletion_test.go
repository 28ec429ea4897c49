package rotation_test

import (
	"errors"
	"maps"
	"regexp"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

// deletions returns what the warnings say that Vault deletes, and in how many hours.
func deletions(t *testing.T, warnings []string) map[string]int {
	t.Helper()
	found := map[string]int{}
	for _, warning := range warnings {
		part := regexp.MustCompile(`^Vault (.+) at (\S+) \(delete_version_after\)$`).FindStringSubmatch(warning)
		if part == nil {
			t.Fatalf("warning %q, want one about delete_version_after", warning)
		}
		at, err := time.Parse(time.RFC3339, part[2])
		if err != nil {
			t.Fatalf("warning %q: time.Parse = %v, want a time in RFC 3339", warning, err)
		}
		found[part[1]] = int(time.Until(at).Round(time.Hour).Hours())
	}
	return found
}

// A mount or a provider's metadata may make Vault delete each version after a time. A rotation
// and a dry run warn about that, for the new key and for the backup.
func TestRotateWarnsOfDeletion(t *testing.T) {
	for name, tc := range map[string]struct {
		mount, provider string // delete_version_after
		backup, key     int    // in hours; 0: no warning
	}{
		"neither":            {"0s", "0s", 0, 0},
		"the mount's":        {"2h", "0s", 2, 2},
		"the provider's":     {"0s", "3h", 0, 3},
		"both":               {"4h", "3h", 4, 3},
		"the mount's, first": {"2h", "3h", 2, 2},
		"the mount forbids":  {"-1s", "3h", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			mount := clienttest.MountDeletingVersions(t, tc.mount)
			vaulttest.Write(t, vaulttest.Root(t), mount+"/metadata/"+vaulttest.Base+"/providers/p", object{"delete_version_after": tc.provider})
			client := clienttest.New(t, vaultkit.WithMount(mount))
			planned := deletions(t, clienttest.Rotate(t, client, "p", "fake-new", vaultkit.WithDryRun()).Warnings)
			done := deletions(t, clienttest.Rotate(t, client, "p", "fake-new").Warnings)
			for verb, got := range map[string]map[string]int{"would delete ": planned, "deletes ": done} {
				want := map[string]int{verb + "the backup of the old key": tc.backup, verb + "the new key": tc.key}
				maps.DeleteFunc(want, func(_ string, hours int) bool { return hours == 0 })
				if !maps.Equal(got, want) {
					t.Errorf("hours until Vault %s: %v, want %v", verb, got, want)
				}
			}
		})
	}
}

// A rotator cannot read the mount's settings. A dry run derives them from the current version.
func TestDryRun_WarnsOfTheMountsDeletion(t *testing.T) {
	mount := clienttest.MountDeletingVersions(t, "2h")
	client := clienttest.NewWithPolicy(t, clienttest.Policy(t, policy.Rotator, policy.AtMount(mount)), vaultkit.WithMount(mount))
	got := deletions(t, clienttest.Rotate(t, client, "p", "fake-new", vaultkit.WithDryRun()).Warnings)
	if want := map[string]int{"would delete the backup of the old key": 2, "would delete the new key": 2}; !maps.Equal(got, want) {
		t.Errorf("dry run of Rotate warns of deletions after the hours %v, want %v", got, want)
	}
}

// A rotation whose responses are lost, or that finishes an earlier run, warns too.
func TestRotate_WarnsOfDeletionAfterLostResponses(t *testing.T) {
	proxy, mount := clienttest.NewProxy(t), clienttest.MountDeletingVersions(t, "2h")
	client := clienttest.New(t, vaultkit.WithMount(mount), vaultkit.WithAddress(proxy.URL()), clienttest.WithRecordWait(200*time.Millisecond))
	proxy.SetRule(faultproxy.OnMatch("PUT", "/providers/", faultproxy.Lose()))
	lost := clienttest.Rotate(t, client, "p", "fake-1")
	proxy.SetRule(faultproxy.OnEvery("PUT", "/rotations/", faultproxy.Error(503, "", false)))
	if _, err := client.Rotate(t.Context(), "p", vaultkit.NewKey("fake-2")); !errors.Is(err, vaultkit.ErrUndetermined) {
		t.Fatalf("Rotate without a record = %v, want ErrUndetermined", err)
	}
	proxy.SetRule(nil)
	resumed := clienttest.Rotate(t, client, "p", "fake-2")
	want := map[string]int{"deletes the backup of the old key": 2, "deletes the new key": 2}
	for when, r := range map[string]*vaultkit.Rotation{"lost": lost, "resumed": resumed} {
		if got := deletions(t, r.Warnings); !maps.Equal(got, want) || r.Resumed != (when == "resumed") {
			t.Errorf("%s: Rotate resumed: %t, hours %v, want %v", when, r.Resumed, got, want)
		}
	}
}
