package vaultkit_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/devvault"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

const (
	drillProviders = 20
	drillSeldom    = 5 // more, which nobody declared
	drillTTL       = 2 * time.Second
	drillStale     = 5 * time.Minute
	drillOutage    = 4 * time.Second // longer than TTL and than a failover
)

// drill is a service that reads 20 providers 2,000 times a second, and some others
// just often enough to find them cached.
type drill struct {
	root      *api.Client
	client    *vaultkit.Client
	providers []string
	seldom    []string

	others        census // of other clients
	reads, failed atomic.Int64
	heard         clienttest.EventLog
	halt          context.CancelFunc
	reading       sync.WaitGroup
}

// newDrill begins to read by way of the address, logged in by an AppRole.
func newDrill(t *testing.T, root *api.Client, address string) *drill {
	t.Helper()
	d := &drill{root: root, others: count()}
	for range drillProviders {
		d.providers = append(d.providers, d.store(t))
	}
	for range drillSeldom {
		d.seldom = append(d.seldom, d.store(t))
	}
	client, err := vaultkit.New(t.Context(), vaultkit.WithAddress(address), drillRole(t, root),
		vaultkit.WithCache(drillTTL, drillStale), vaultkit.WithProviders(d.providers...), vaultkit.WithObserver(d.heard.Add))
	if err != nil {
		t.Fatal(err)
	}
	d.client = client
	ctx, halt := context.WithCancel(t.Context())
	d.halt = halt
	d.reading.Go(func() { d.read(ctx, d.providers, 10*time.Millisecond) })
	d.reading.Go(func() { d.read(ctx, d.seldom, drillTTL*3/4) })
	t.Cleanup(func() {
		halt()
		d.reading.Wait()
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// drillRole is an AppRole with the reader's policy.
func drillRole(t *testing.T, root *api.Client) vaultkit.Option {
	t.Helper()
	write := func(path string, data map[string]any) *api.Secret {
		t.Helper()
		answer, err := root.Logical().WriteWithContext(t.Context(), path, data)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	if err := root.Sys().PutPolicyWithContext(t.Context(), "drill", vaulttest.Policy(t, "", "reader")); err != nil {
		t.Fatal(err)
	}
	write("auth/approle/role/drill", map[string]any{"token_policies": "drill", "token_ttl": "1h"})
	secret := write("auth/approle/role/drill/secret-id", nil)
	role, err := root.Logical().ReadWithContext(t.Context(), "auth/approle/role/drill/role-id")
	if err != nil {
		t.Fatal(err)
	}
	return vaultkit.WithAppRole(vaultkit.AppRole{
		RoleID: vaultkit.Value(role.Data["role_id"].(string)), SecretID: vaultkit.Value(secret.Data["secret_id"].(string)),
	})
}

func (d *drill) store(t *testing.T) string {
	t.Helper()
	name := vaulttest.Name(t)
	d.put(t, name, "fake-old")
	return name
}

func (d *drill) put(t *testing.T, provider, key string) {
	t.Helper()
	_, err := d.root.KVv2(vaulttest.Mount).Put(t.Context(), vaulttest.Base+"/providers/"+provider, map[string]any{"api_key": key})
	if err != nil {
		t.Fatal(err)
	}
}

func (d *drill) read(ctx context.Context, providers []string, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		for _, provider := range providers {
			if _, err := d.client.GetAPIKey(ctx, provider); err != nil && ctx.Err() == nil {
				d.failed.Add(1)
			}
			d.reads.Add(1)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// phase has one disturbance, and waits until the service is well again and sees a
// key that was rotated after it.
func (d *drill) phase(t *testing.T, name string, disturb func()) {
	t.Helper()
	reads, stale := d.reads.Load(), len(d.heard.Of(vaultkit.EventStale))
	disturb()
	over := time.Now()
	vaulttest.Eventually(t, "the service is well after "+name, func() bool { return d.client.Health().OK() })
	recovered := time.Since(over)
	key := "fake-after-" + strings.ReplaceAll(name, " ", "-")
	d.put(t, d.providers[0], key)
	changed := time.Now()
	vaulttest.Eventually(t, "the new key is read after "+name, func() bool {
		got, err := d.client.GetAPIKey(t.Context(), d.providers[0])
		return err == nil && got == key
	})
	t.Logf("%-16s %6d reads, %d failed so far, %2d stale; well after %v, a new key seen after %v", name,
		d.reads.Load()-reads, d.failed.Load(), len(d.heard.Of(vaultkit.EventStale))-stale,
		recovered.Round(time.Millisecond), time.Since(changed).Round(time.Millisecond))
}

// during lets an outage last, while the service goes on.
func (d *drill) during(t *testing.T) {
	t.Helper()
	seen := d.reads.Load()
	end := time.Now().Add(drillOutage)
	vaulttest.Eventually(t, "the outage has lasted", func() bool { return time.Now().After(end) })
	if d.reads.Load() == seen {
		t.Error("nothing was read meanwhile")
	}
}

// A service does not notice what befalls one server.
func TestOutageDrill(t *testing.T) {
	server := vaulttest.Start(t, devvault.Options{Raft: true})
	proxy := clienttest.NewProxyTo(t, server.Addr())
	d := newDrill(t, vaulttest.RootOf(t, server), proxy.URL())
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	d.phase(t, "calm", func() {})
	before := count()
	d.phase(t, "sealed", func() {
		must(server.Seal(t.Context()))
		d.during(t)
		must(server.Unseal(t.Context()))
	})
	d.phase(t, "restarted", func() {
		must(server.Kill())
		d.during(t)
		must(server.Restart(t.Context()))
	})
	d.phase(t, "token revoked", func() {
		must(d.root.Auth().Token().RevokeTreeWithContext(t.Context(), d.client.Vault().Token()))
		vaulttest.Eventually(t, "it is noticed", func() bool { return len(d.heard.Of(vaultkit.EventRelogin)) > 0 })
	})
	d.phase(t, "network cut", func() {
		proxy.Down()
		d.during(t)
		must(proxy.Up())
	})
	d.phase(t, "truncated", func() {
		proxy.SetRule(faultproxy.OnEvery("", "", faultproxy.Truncate()))
		d.during(t)
		proxy.SetRule(nil)
	})
	d.phase(t, "a hop's 404", func() {
		proxy.SetRule(faultproxy.OnEvery("", "", faultproxy.Error(404, "default backend - 404", false)))
		d.during(t)
		proxy.SetRule(nil)
	})
	d.phase(t, "delayed 10 s", func() {
		release := make(chan struct{})
		proxy.SetRule(faultproxy.OnEvery("", "", faultproxy.Delay(release)))
		time.AfterFunc(10*time.Second, func() { close(release) })
		<-release
		proxy.SetRule(nil)
	})
	d.judge(t, before)
	d.judgeLogins(t, server.AuditLog(), 2) // for the start, and for the revoked token
}

// Nor a leader's death.
func TestLeaderKilledWhileReading(t *testing.T) {
	f := newFleet(t, 0)
	log := filepath.Join(t.TempDir(), "audit.log") // of whichever node leads
	device := &api.EnableAuditOptions{Type: "file", Options: map[string]string{"file_path": log}}
	if err := f.root.Sys().EnableAuditWithOptionsWithContext(t.Context(), "drill", device); err != nil {
		t.Fatal(err)
	}
	d := newDrill(t, f.root, f.door.url())
	d.phase(t, "calm", func() {})
	before := count()
	for range 2 {
		d.phase(t, "leader killed", func() {
			leader := f.leader(t)
			f.kill(t, leader)
			d.during(t)
			f.restart(t, leader)
		})
	}
	d.judge(t, before)
	d.judgeLogins(t, log, 1) // the token outlives its leader
}

// judge is what has to hold after all of it.
func (d *drill) judge(t *testing.T, before census) {
	t.Helper()
	if failed := d.failed.Load(); failed != 0 {
		t.Errorf("%d of %d reads failed", failed, d.reads.Load())
	}
	var after census
	vaulttest.Eventually(t, "no goroutines or connections have grown", func() bool {
		after = count()
		return after.goroutines <= before.goroutines+8 && after.connections <= before.connections+4
	})
	d.halt()
	d.reading.Wait()
	vaulttest.Eventually(t, "the idle client has two goroutines", func() bool { return count().ours <= d.others.ours+2 })
	t.Logf("%d reads, %d failed; goroutines %d before, %d after; connections %d before, %d after", d.reads.Load(), d.failed.Load(),
		before.goroutines, after.goroutines, before.connections, after.connections)
}

// judgeLogins counts the logins that the server's audit log has of the service. One
// more than there had to be may have been cut off by an outage.
func (d *drill) judgeLogins(t *testing.T, log string, want int) {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	logins := bytes.Count(text, []byte(`"path":"auth/approle/login"`)) / 2 // a request and its response
	t.Logf("%d logins in the audit log", logins)
	if logins < want || logins > want+1 {
		t.Errorf("%d logins, want %d", logins, want)
	}
}

// census counts goroutines: all, those that session and cache have begun, and those
// that read from a connection of net/http.
type census struct{ goroutines, ours, connections int }

func count() (c census) {
	var dump bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&dump, 2); err != nil {
		panic(fmt.Sprint("no goroutine profile: ", err))
	}
	for stack := range strings.SplitSeq(dump.String(), "\n\n") {
		c.goroutines++
		switch {
		case strings.Contains(stack, "internal/cache.(*Cache"), strings.Contains(stack, "internal/session.(*keeper"):
			c.ours++
		case strings.Contains(stack, "net/http.(*persistConn).readLoop"):
			c.connections++
		}
	}
	return c
}
