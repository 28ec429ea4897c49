package difftest_test

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"goblin/vaultkit/internal/vaulttest"
)

// sysRows are the facts about mounts.
var sysRows = []row{
	{"the health of a server", []expected{
		at(http.MethodGet, "sys/health").is(200, `"sealed":false`), at(http.MethodHead, "sys/health").is(200),
		at(http.MethodGet, "sys/health?activecode=418").is(418), at(http.MethodGet, "sys/health?activecode=x").is(400, empty),
		at(http.MethodGet, "sys/health?sealedcode=418&standbyok=true").is(200), at(http.MethodPost, "sys/health").is(405, empty),
		at(http.MethodGet, "sys/seal-status").is(200, `"t":1`), at(http.MethodPost, "sys/seal-status").is(405, empty),
		at(http.MethodGet, "sys/leader").is(200, `"ha_enabled":false`), at(http.MethodGet, "sys/init").is(200, `"initialized":true`),
		at(http.MethodGet, "sys/seal").is(405, empty), at(http.MethodGet, "sys/unseal").is(405, empty),
	}},
	{"an unseal key has a form, also for a server that is not sealed", []expected{
		at(http.MethodPut, "sys/unseal", `{}`).is(400, "'key' must be specified"), at(http.MethodPut, "sys/unseal", `{x`).is(500),
		at(http.MethodPut, "sys/unseal", `{"key":"x"}`).is(400, "must be a valid hex or base64 string"),
		at(http.MethodPut, "sys/unseal", `{"key":"AAAA"}`).is(400, "shorter than minimum 16 bytes"),
		at(http.MethodPut, "sys/unseal", `{"reset":true}`).is(400, "vault is unsealed"),
		step{op: "other", method: http.MethodPut, path: "sys/seal", anonymous: true}.is(403, `{"errors":["permission denied"]}`),
		step{op: "other", method: http.MethodPut, path: "sys/seal", header: "X-Vault-Token: none"}.is(403, "invalid token"),
	}},
	{"a mount is made once", []expected{
		mount("x", `{"type":"kv","options":{"version":"2"}}`).is(204), mount("x", `{"type":"kv"}`).is(400, "path is already in use at"),
		mount("x/y", `{"type":"kv"}`).is(400, "path is already in use at"), unmount("x").is(204), unmount("x").is(204),
		at(http.MethodGet, "%mount-x/data/a").is(404, "no handler for route"),
	}},
	{"a mount has a type that exists", []expected{
		mount("x", `{"type":"none"}`).is(400, "plugin not found in the catalog: none"),
		mount("x", `{}`).is(400, "backend type must be specified"),
		mount("x", `{"type":"kv","options":{"version":"3"}}`).is(400, "nil backend of type"),
	}},
	{"kv-v2 is KV version 2", []expected{
		mount("x", `{"type":"kv-v2","description":"d"}`).is(204), at(http.MethodGet, "%mount-x/config").is(200, `"max_versions":0`),
		at(http.MethodGet, "sys/mounts/%mount-x").is(200, `"description":"d"`), unmount("x").is(204),
	}},
	{"system paths cannot be mounted or unmounted", []expected{
		at(http.MethodPost, "sys/mounts/sys/x", `{"type":"kv"}`).is(400, `cannot mount \"sys/x/\"`),
		at(http.MethodDelete, "sys/mounts/sys").is(400, `cannot unmount \"sys/\"`),
	}},
	{"a missing mount has no settings", []expected{
		at(http.MethodGet, "sys/mounts/none").is(400, "No secret engine mount at none/"),
		at(http.MethodGet, "sys/mounts/none/tune").is(400, "cannot fetch sysview for path"),
		at(http.MethodPost, "sys/mounts/none/tune", `{"description":"d"}`).is(400, "no mount entry found"),
	}},
	{"a mount can be tuned", []expected{
		mount("x", `{"type":"kv","options":{"version":"2"},"config":{"default_lease_ttl":"1h","max_lease_ttl":"2h"}}`).is(204),
		tuned("x").is(200, `"default_lease_ttl":3600`), tune("x", `{"description":"e","max_lease_ttl":"3h"}`).is(204),
		tuned("x").is(200, "10800"),
		tune("x", `{"options":{"version":"1"}}`).is(400, "cannot downgrade mount from version 2"), tune("x", `{"options":{"a":"1"}}`).is(204),
		tuned("x").is(200, `"options":{"a":"1","version":"2"}`), unmount("x").is(204),
	}},
	{"the path of the list of mounts has no slash", []expected{
		at(http.MethodGet, "sys/mounts/").is(404, "unsupported path"), at(http.MethodPost, "sys/mounts", `{}`).is(405, "unsupported operation"),
	}},
	{"an unknown path below sys/ is a 404", []expected{at(http.MethodGet, "sys/none").is(404, `1 error occurred:\n\t* unsupported path`)}},
	{"the system's mounts", []expected{
		at(http.MethodGet, "sys/mounts/sys").is(200, `"type":"system"`), at(http.MethodGet, "sys/mounts/identity").is(200, `"type":"identity"`),
		at(http.MethodGet, "sys/mounts/cubbyhole").is(200, `"local":true`), at(http.MethodGet, "sys/internal/ui/mounts/cubbyhole").is(200),
		at(http.MethodGet, "sys/internal/ui/mounts/sys/x").is(200), at(http.MethodGet, "sys/internal/ui/mounts/auth/token").is(200),
		at(http.MethodGet, "sys/internal/ui/mounts/auth/approle/login").is(200), at(http.MethodGet, "identity/none").is(404, "unsupported path"),
	}},
	{"a cubbyhole holds a token's own secrets", []expected{
		at(http.MethodGet, "cubbyhole/%mount").is(404, empty), at(http.MethodPost, "cubbyhole/%mount", `{"x":1}`).is(204),
		at(http.MethodGet, "cubbyhole/%mount").is(200, `"data":{"x":1}`), at(listing, "cubbyhole").is(200, `"keys"`),
		at(listing, "cubbyhole/none").is(404), at(http.MethodPost, "cubbyhole/%mount", `{}`).is(500, "missing data fields"),
		at(http.MethodGet, "cubbyhole").is(500, "missing path"), at(http.MethodDelete, "cubbyhole/%mount").is(204),
		at(http.MethodGet, "cubbyhole/%mount").is(404),
	}},
	{"the version of a mount is 1 or 2", []expected{
		mount("x", `{"type":"kv","options":{"version":"1"}}`).is(204),
		tune("x", `{"options":{"version":"3"}}`).is(400, "invalid version provided: 3"),
		tune("x", `{"options":{"version":"x"}}`).is(400, "unable to parse options"), tune("x", `{"options":{"version":"1"}}`).is(204),
		unmount("x").is(204),
	}},
	{"an audit device is a file", []expected{
		at(http.MethodPut, "sys/audit/%mount", `{"type":"file","options":{"file_path":"/dev/null"}}`).is(204),
		at(http.MethodPut, "sys/audit/%mount", `{"type":"file","options":{"file_path":"/dev/null"}}`).is(400, "path already in use"),
		at(http.MethodDelete, "sys/audit/%mount").is(204), at(http.MethodDelete, "sys/audit/%mount").is(204),
		at(http.MethodPut, "sys/audit/%mount", `{"type":"none"}`).is(400, "unknown backend type"),
		at(http.MethodPut, "sys/audit/%mount", `{"type":"file"}`).is(400, "is required"),
		at(http.MethodPost, "sys/audit-hash/none", `{"input":"x"}`).is(400, "unknown audit backend"),
	}},
	{"an audit device shows chosen headers", []expected{
		at(http.MethodGet, "sys/config/auditing/request-headers/%mount").is(400, "Could not find header in config"),
		at(http.MethodPut, "sys/config/auditing/request-headers/%mount", `{"hmac":true}`).is(204),
		at(http.MethodGet, "sys/config/auditing/request-headers/%mount").is(200, `{"hmac":true}`),
		at(http.MethodDelete, "sys/config/auditing/request-headers/%mount").is(204),
	}},
}

func mount(name, body string) step { return at(http.MethodPost, "sys/mounts/%mount-"+name, body) }

func unmount(name string) step { return at(http.MethodDelete, "sys/mounts/%mount-"+name) }

func tune(name, body string) step {
	return at(http.MethodPost, "sys/mounts/%mount-"+name+"/tune", body)
}

func tuned(name string) step { return at(http.MethodGet, "sys/mounts/%mount-"+name+"/tune") }

// TestSeal_StopsBothServers seals both servers and unseals them.
func TestSeal_StopsBothServers(t *testing.T) {
	p := newPair(t, "")
	ctx := t.Context()
	sealed := func(status int, says string) expected { return entry("k").get().is(status, says) }
	p.run(t, []expected{at(http.MethodPut, "sys/seal").is(204)}, new(table))
	p.run(t, []expected{
		sealed(503, `{"errors":["Vault is sealed"]}`), at(http.MethodGet, "sys/mounts").is(503, "Vault is sealed"),
		at(http.MethodGet, "none").is(503, "Vault is sealed"), at(http.MethodGet, "sys/health").is(503, `"sealed":true`),
		at(http.MethodGet, "sys/health?sealedcode=418").is(418), at(http.MethodGet, "sys/seal-status").is(200, `"sealed":true`),
		at(http.MethodPut, "sys/unseal", `{"key":"`+strings.Repeat("A", 43)+`="}`).is(400, "message authentication failed"),
		at(http.MethodPut, "sys/unseal", `{"reset":true}`).is(200, `"sealed":true`), at(http.MethodPut, "sys/seal").is(204),
		at(http.MethodPost, "%mount/data/%ns/k", `{x`).is(500, "invalid character"),
	}, new(table))
	if err := vaulttest.Server().Unseal(ctx); err != nil {
		t.Fatal(err)
	}
	p.server.Unseal()
	p.run(t, []expected{sealed(404, empty), {step: entry("k").cas(0), status: 200}}, new(table))
}

// TestConcurrentCreates_HaveOneWinner races writers for one key, with cas=0, on both servers.
func TestConcurrentCreates_HaveOneWinner(t *testing.T) {
	p := newPair(t, "")
	for name, one := range map[string]target{"Vault": p.vault, "memvault": p.mem} {
		const writers = 16
		statuses := make([]int, writers)
		var group sync.WaitGroup
		for n := range writers {
			group.Go(func() { statuses[n] = one.send(t, entry("raced").cas(0), p.mount, "race/k").status })
		}
		group.Wait()
		won := 0
		for _, status := range statuses {
			if status == http.StatusOK {
				won++
			}
		}
		if won != 1 {
			t.Errorf("%s: %d of %d writers with cas=0 won, want 1: %v", name, won, writers, statuses)
		}
	}
}

// TestExpiry_IsASoftDeleteThatUndeleteRevives waits for a version's end on the real server,
// and moves the clock of the in-process one.
func TestExpiry_IsASoftDeleteThatUndeleteRevives(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	ns := fmt.Sprintf("s%d/k", namespaces.Add(1))
	compare := newComparison()
	both := func(s step, want int) {
		t.Helper()
		vault, mem := p.vault.send(t, s, p.mount, ns), p.mem.send(t, s, p.mount, ns)
		if difference := compare.difference(s, vault, mem); difference != "" || vault.status != want {
			t.Errorf("%v = %d, want %d\n%s", s, vault.status, want, difference)
		}
	}
	both(k.set(`{"delete_version_after":"1s"}`), 204)
	both(k.put(`{"data":{"a":1}}`), 200)
	both(k.get(), 200)
	vaulttest.Eventually(t, "the version has expired", func() bool {
		return p.vault.send(t, k.get(), p.mount, ns).status == http.StatusNotFound
	})
	p.server.Advance(time.Second + time.Millisecond)
	both(k.get(), 404)
	both(k.cas(0), 400)
	both(k.remove(), 204)
	both(k.set(`{"delete_version_after":"1h"}`), 204)
	both(k.versions("undelete", "[1]"), 204)
	both(k.get(), 200)
	both(k.metadata(), 200)
}

// TestUpgrade_KeepsTheSecrets turns a mount of version 1 into one of version 2. The real
// server needs a moment for it.
func TestUpgrade_KeepsTheSecrets(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	ready := at(http.MethodGet, "%mount-x/config")
	p.run(t, []expected{
		mount("x", `{"type":"kv"}`).is(204), at(http.MethodPost, "%mount-x/data/a", `{"data":{"a":1}}`).is(204),
		at(http.MethodPost, "%mount-x/b/c", `{"a":9007199254740993}`).is(204),
		tune("x", `{"options":{"version":"2"}}`).is(200, "Upgrading mount from version 0 to version 2"),
	}, new(table))
	vaulttest.Eventually(t, "the mount is upgraded", func() bool { return p.vault.send(t, ready, p.mount, "").status == http.StatusOK })
	p.run(t, []expected{
		ready.is(200), at(listing, "%mount-x/metadata").is(200, `["b/","data/"]`),
		at(http.MethodGet, "%mount-x/metadata/b/c").is(200, "kv_upgrade"),
		at(http.MethodGet, "%mount-x/data/b/c").is(200, "9007199254740992"),
		at(http.MethodGet, "%mount-x/data/data/a").is(200, `"data":{"data":{"a":1}}`),
		at(http.MethodPost, "%mount-x/data/b/c", `{"data":{}}`).is(200, `"version":2`), at(http.MethodGet, "%mount-x/metadata/b/c").is(200),
		unmount("x").is(204),
	}, new(table))
}

// TestListsOfMounts_AgreeOnTheSystemsOwn compares the mounts that every server has in the
// lists of mounts, which also show those of other tests.
func TestListsOfMounts_AgreeOnTheSystemsOwn(t *testing.T) {
	p := newPair(t, "")
	for path, own := range map[string][]string{
		"sys/mounts": {"sys/", "identity/", "cubbyhole/", "secret/"}, "sys/auth": {"token/", "approle/", "kubernetes/"},
		"sys/internal/ui/mounts": {"sys/", "identity/", "cubbyhole/", "secret/", "token/", "approle/", "kubernetes/"},
	} {
		s := at(http.MethodGet, path)
		want := members(newNormaliser().clear(p.vault.send(t, s, "", "")), own)
		got := members(newNormaliser().clear(p.mem.send(t, s, "", "")), own)
		if len(want) < len(own) || !reflect.DeepEqual(want, got) {
			t.Errorf("GET %s\n Vault:    %s\n memvault: %s", path, asText(want), asText(got))
		}
	}
}

// members returns the named members, however deep in the body they are.
func members(body any, names []string) map[string]any {
	found := make(map[string]any)
	object, _ := body.(map[string]any)
	for name, value := range object {
		if slices.Contains(names, name) {
			found[name] = value
		}
		maps.Copy(found, members(value, names))
	}
	return found
}
