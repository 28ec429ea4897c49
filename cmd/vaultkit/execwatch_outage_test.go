//go:build unix

package main

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/devvault"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/realvault"
	"goblin/vaultkit/internal/vaulttest"
)

// outage is a fault between vaultkit and Vault. While Vault itself is down, nobody can
// rotate.
type outage struct {
	name       string
	begin, end func()
	vaultDown  bool
}

// watchDrill is a vaultkit exec --watch with a login of its own during outages.
type watchDrill struct {
	*watched
	root     *api.Client
	server   *devvault.Server
	proxy    *faultproxy.Proxy
	provider string
	key      string
}

// outages returns one outage of each kind.
func (d *watchDrill) outages(t *testing.T) []outage {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("the outage = %v, want no error", err)
		}
	}
	rule := func(action faultproxy.Action) func() {
		return func() { d.proxy.SetRule(faultproxy.OnEvery("", "", action)) }
	}
	over := func() { d.proxy.SetRule(nil) }
	return []outage{
		{"sealed", func() { must(d.server.Seal(t.Context())) }, func() { must(d.server.Unseal(t.Context())) }, true},
		{"killed", func() { must(d.server.Kill()) }, func() { must(d.server.Restart(t.Context())) }, true},
		{"network cut", d.proxy.Down, func() { must(d.proxy.Up()) }, false},
		{"truncated", rule(faultproxy.Truncate()), over, false},
		{"a proxy's 404", rule(faultproxy.Error(404, "default backend - 404", false)), over, false},
		{"no response", rule(faultproxy.Hang()), over, false},
		{"503", rule(faultproxy.Error(503, `{"errors":["standby"]}`, false)), over, false},
	}
}

// TestExecWatch_Outages rotates a key during and after outages of each kind. The child is
// restarted once for each rotation, with the newest key, and never else. The login's
// token is short-lived and is revoked between outages.
func TestExecWatch_Outages(t *testing.T) {
	t.Parallel()
	rotations := 20
	if vaulttest.Long() {
		rotations = 200
	}
	d := newWatchDrill(t)
	d.start(t, d.key)
	outages := d.outages(t)
	for i := range rotations {
		d.round(t, outages[i%len(outages)], i < len(outages))
		if i%5 == 4 {
			d.revokeTokens(t)
		}
	}
	d.signal(t, syscall.SIGTERM)
	d.ends(t, 143)
	t.Logf("%d rotations, %d restarts, %d problems told\n%s", rotations, strings.Count(d.errs.String(), "restarting the command"),
		strings.Count(d.errs.String(), problemTold), d.errs.String())
}

// What vaultkit prints when a problem begins, and when none is left.
const (
	problemTold = "no new keys are seen, and the command keeps running"
	problemOver = "new keys are seen again"
)

// newWatchDrill starts a Vault with a provider, and vaultkit behind a proxy.
func newWatchDrill(t *testing.T) *watchDrill {
	t.Helper()
	server := realvault.Start(t, devvault.Options{Raft: true})
	d := &watchDrill{server: server, root: vaulttest.RootOf(t, server), proxy: clienttest.NewProxyTo(t, server.Addr()), provider: "drill", key: newKey()}
	_, err := d.root.KVv2(vaulttest.Mount).Put(t.Context(), vaulttest.Base+"/providers/"+d.provider, map[string]any{"api_key": d.key})
	if err != nil {
		t.Fatalf("Put() = %v, want no error", err)
	}
	if err := d.root.Sys().PutPolicyWithContext(t.Context(), "drill", vaulttest.Policy(t, "../../", "reader")); err != nil {
		t.Fatalf("PutPolicyWithContext() = %v, want no error", err)
	}
	d.write(t, "auth/approle/role/drill", map[string]any{"token_policies": "drill", "token_ttl": "10s", "token_max_ttl": "30s"})
	secretID := d.write(t, "auth/approle/role/drill/secret-id", nil).Data["secret_id"].(string)
	roleID, err := d.root.Logical().ReadWithContext(t.Context(), "auth/approle/role/drill/role-id")
	if err != nil {
		t.Fatalf("ReadWithContext() = %v, want no error", err)
	}
	d.watched = beginWatch(t, exec.CommandContext(t.Context(), program(t), "exec", "--watch", "--interval", "1s", "--timeout", "3s", d.provider,
		"--address", d.proxy.URL(), "--role-id", roleID.Data["role_id"].(string), "--secret-id-file", file(t, secretID),
		"--", "sh", "-c", "KEY=$DRILL_API_KEY; "+app))
	return d
}

func (d *watchDrill) write(t *testing.T, path string, data map[string]any) *api.Secret {
	t.Helper()
	secret, err := d.root.Logical().WriteWithContext(t.Context(), path, data)
	if err != nil {
		t.Fatalf("WriteWithContext(%s) = %v, want no error", path, err)
	}
	return secret
}

// round causes an outage and rotates once. With told, the outage lasts until vaultkit has
// told the user, and otherwise until it has met it.
func (d *watchDrill) round(t *testing.T, o outage, told bool) {
	t.Helper()
	begins, ends := d.told(problemTold), d.told(problemOver)
	requests := len(d.proxy.Log())
	o.begin()
	if !o.vaultDown {
		d.rotate(t)
	}
	if told {
		vaulttest.Eventually(t, "vaultkit tells the user: "+o.name, func() bool { return d.told(problemTold) > begins })
	} else if o.name != "network cut" {
		vaulttest.Eventually(t, "vaultkit sends a request: "+o.name, func() bool { return len(d.proxy.Log()) > requests })
	}
	if len(d.lines) > 0 {
		t.Errorf("the child prints %q during the outage (%s), want no restart", <-d.lines, o.name)
	}
	o.end()
	if told {
		vaulttest.Eventually(t, "vaultkit tells the user: "+o.name+" is over", func() bool { return d.told(problemOver) > ends })
	}
	if o.vaultDown {
		d.rotate(t)
	}
	d.start(t, d.key)
}

func (d *watchDrill) told(text string) int { return strings.Count(d.errs.String(), text) }

// rotate rotates the key, past the proxy.
func (d *watchDrill) rotate(t *testing.T) {
	t.Helper()
	d.key = newKey()
	vkBare(t.Context(), t, d.key, "rotate", d.provider, "--new-key-stdin", "--address", d.server.Addr(),
		"--token-file", file(t, d.server.RootToken())).want(t, exitcode.OK)
}

// revokeTokens revokes the tokens of all logins.
func (d *watchDrill) revokeTokens(t *testing.T) {
	t.Helper()
	d.write(t, "sys/leases/revoke-prefix/auth/approle/login", nil)
}
