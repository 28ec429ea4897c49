package systemtest_test

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
	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/devvault"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/realvault"
	"goblin/vaultkit/internal/vaulttest"
)

const (
	declaredProviders   = 20
	undeclaredProviders = 5 // others, which WithProviders does not name
	cacheTTL            = 2 * time.Second
	cacheMaxStale       = 5 * time.Minute
	outageTime          = 4 * time.Second // longer than TTL and than a failover
)

// readingService is a service that reads 20 providers 2,000 times a second, and others
// just often enough to keep them cached.
type readingService struct {
	root      *api.Client
	client    *vaultkit.Client
	providers []string
	seldom    []string

	others        goroutineCount // before the service starts
	reads, failed atomic.Int64
	heard         clienttest.EventLog
	halt          context.CancelFunc
	reading       sync.WaitGroup
}

// newReadingService starts to read at the address, logged in with an AppRole.
func newReadingService(t *testing.T, root *api.Client, address string) *readingService {
	t.Helper()
	s := &readingService{root: root, others: count()}
	for range declaredProviders {
		s.providers = append(s.providers, s.store(t))
	}
	for range undeclaredProviders {
		s.seldom = append(s.seldom, s.store(t))
	}
	client, err := vaultkit.New(t.Context(), vaultkit.WithAddress(address), readerLogin(t, root),
		vaultkit.WithCache(cacheTTL, cacheMaxStale), vaultkit.WithProviders(s.providers...), vaultkit.WithObserver(s.heard.Add))
	if err != nil {
		t.Fatal(err)
	}
	s.client = client
	ctx, halt := context.WithCancel(t.Context())
	s.halt = halt
	s.reading.Go(func() { s.read(ctx, s.providers, 10*time.Millisecond) })
	s.reading.Go(func() { s.read(ctx, s.seldom, cacheTTL*3/4) })
	t.Cleanup(func() {
		halt()
		s.reading.Wait()
		if err := client.Close(); err != nil {
			t.Errorf("Close = %v, want nil", err)
		}
	})
	return s
}

// readerLogin returns an AppRole login with the reader's policy.
func readerLogin(t *testing.T, root *api.Client) vaultkit.Option {
	t.Helper()
	write := func(path string, data map[string]any) *api.Secret {
		t.Helper()
		answer, err := root.Logical().WriteWithContext(t.Context(), path, data)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	if err := root.Sys().PutPolicyWithContext(t.Context(), "service", vaulttest.Policy(t, "../../", "reader")); err != nil {
		t.Fatal(err)
	}
	write("auth/approle/role/service", map[string]any{"token_policies": "service", "token_ttl": "1h"})
	secret := write("auth/approle/role/service/secret-id", nil)
	role, err := root.Logical().ReadWithContext(t.Context(), "auth/approle/role/service/role-id")
	if err != nil {
		t.Fatal(err)
	}
	return vaultkit.WithAppRole(vaultkit.AppRole{
		RoleID: vaultkit.FromString(role.Data["role_id"].(string)), SecretID: vaultkit.FromString(secret.Data["secret_id"].(string)),
	})
}

func (s *readingService) store(t *testing.T) string {
	t.Helper()
	name := vaulttest.Name(t)
	s.put(t, name, "fake-old")
	return name
}

func (s *readingService) put(t *testing.T, provider, key string) {
	t.Helper()
	_, err := s.root.KVv2(vaulttest.Mount).Put(t.Context(), vaulttest.Base+"/providers/"+provider, map[string]any{"api_key": key})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *readingService) read(ctx context.Context, providers []string, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		for _, provider := range providers {
			if _, err := s.client.GetAPIKey(ctx, provider); err != nil && ctx.Err() == nil {
				s.failed.Add(1)
			}
			s.reads.Add(1)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// phase causes one fault, and waits until the service is healthy again and reads a key
// that was rotated after the fault.
func (s *readingService) phase(t *testing.T, name string, disturb func()) {
	t.Helper()
	reads, stale := s.reads.Load(), len(s.heard.Of(event.Stale))
	disturb()
	over := time.Now()
	vaulttest.Eventually(t, "the service is healthy after "+name, func() bool { return s.client.Health().OK() })
	recovered := time.Since(over)
	key := "fake-after-" + strings.ReplaceAll(name, " ", "-")
	s.put(t, s.providers[0], key)
	changed := time.Now()
	vaulttest.Eventually(t, "the new key is read after "+name, func() bool {
		got, err := s.client.GetAPIKey(t.Context(), s.providers[0])
		return err == nil && got == key
	})
	t.Logf("%-16s %6d reads, %d failed so far, %2d stale; healthy after %v, a new key read after %v", name,
		s.reads.Load()-reads, s.failed.Load(), len(s.heard.Of(event.Stale))-stale,
		recovered.Round(time.Millisecond), time.Since(changed).Round(time.Millisecond))
}

// during waits for an outage's time while the service goes on.
func (s *readingService) during(t *testing.T) {
	t.Helper()
	seen := s.reads.Load()
	end := time.Now().Add(outageTime)
	vaulttest.Eventually(t, "the outage has lasted", func() bool { return time.Now().After(end) })
	if s.reads.Load() == seen {
		t.Error("0 reads during the outage, want some")
	}
}

// TestService_ReadsThroughOutages checks that a service can read its keys in every outage
// of one server.
func TestService_ReadsThroughOutages(t *testing.T) {
	server := realvault.Start(t, devvault.Options{Raft: true})
	proxy := clienttest.NewProxyTo(t, server.Addr())
	s := newReadingService(t, vaulttest.RootOf(t, server), proxy.URL())
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s.phase(t, "no fault", func() {})
	before := count()
	s.phase(t, "sealed", func() {
		must(server.Seal(t.Context()))
		s.during(t)
		must(server.Unseal(t.Context()))
	})
	s.phase(t, "restarted", func() {
		must(server.Kill())
		s.during(t)
		must(server.Restart(t.Context()))
	})
	s.phase(t, "token revoked", func() {
		must(s.root.Auth().Token().RevokeTreeWithContext(t.Context(), s.client.Vault().Token()))
		vaulttest.Eventually(t, "it is noticed", func() bool { return len(s.heard.Of(event.Relogin)) > 0 })
	})
	s.phase(t, "network cut", func() {
		proxy.Down()
		s.during(t)
		must(proxy.Up())
	})
	s.phase(t, "truncated", func() {
		proxy.SetRule(faultproxy.OnEvery("", "", faultproxy.Truncate()))
		s.during(t)
		proxy.SetRule(nil)
	})
	s.phase(t, "a proxy's 404", func() {
		proxy.SetRule(faultproxy.OnEvery("", "", faultproxy.Error(404, "default backend - 404", false)))
		s.during(t)
		proxy.SetRule(nil)
	})
	s.phase(t, "delayed 10 s", func() {
		release := make(chan struct{})
		proxy.SetRule(faultproxy.OnEvery("", "", faultproxy.Delay(release)))
		time.AfterFunc(10*time.Second, func() { close(release) })
		<-release
		proxy.SetRule(nil)
	})
	s.check(t, before)
	s.checkLogins(t, server.AuditLog(), 2) // for the start, and for the revoked token
}

// TestService_ReadsThroughLeaderKills checks the same while the leader of a cluster is
// killed.
func TestService_ReadsThroughLeaderKills(t *testing.T) {
	f := newRotatingCluster(t, 0)
	log := filepath.Join(t.TempDir(), "audit.log") // of the node that leads
	device := &api.EnableAuditOptions{Type: "file", Options: map[string]string{"file_path": log}}
	if err := f.root.Sys().EnableAuditWithOptionsWithContext(t.Context(), "service", device); err != nil {
		t.Fatal(err)
	}
	s := newReadingService(t, f.root, f.balancer.url())
	s.phase(t, "no fault", func() {})
	before := count()
	for range 2 {
		s.phase(t, "leader killed", func() {
			leader := f.leader(t)
			f.kill(t, leader)
			s.during(t)
			f.restart(t, leader)
		})
	}
	s.check(t, before)
	s.checkLogins(t, log, 1) // the token outlives its leader
}

// check checks what must be true after all outages.
func (s *readingService) check(t *testing.T, before goroutineCount) {
	t.Helper()
	if failed := s.failed.Load(); failed != 0 {
		t.Errorf("%d of %d reads failed, want 0", failed, s.reads.Load())
	}
	var after goroutineCount
	vaulttest.Eventually(t, "no goroutines or connections have grown", func() bool {
		after = count()
		return after.goroutines <= before.goroutines+8 && after.connections <= before.connections+4
	})
	s.halt()
	s.reading.Wait()
	vaulttest.Eventually(t, "the idle client has two goroutines", func() bool { return count().ours <= s.others.ours+2 })
	t.Logf("%d reads, %d failed; goroutines %d before, %d after; connections %d before, %d after", s.reads.Load(), s.failed.Load(),
		before.goroutines, after.goroutines, before.connections, after.connections)
}

// checkLogins counts the service's logins in the server's audit log. An outage may
// interrupt one login, so there may be one more.
func (s *readingService) checkLogins(t *testing.T, log string, want int) {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	logins := bytes.Count(text, []byte(`"path":"auth/approle/login"`)) / 2 // a request and its response
	t.Logf("%d logins in the audit log", logins)
	if logins < want || logins > want+1 {
		t.Errorf("%d logins, want %d or %d", logins, want, want+1)
	}
}

// goroutineCount counts goroutines: all, those of session and cache, and those that read
// from a connection of net/http.
type goroutineCount struct{ goroutines, ours, connections int }

func count() (c goroutineCount) {
	var dump bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&dump, 2); err != nil {
		panic(fmt.Sprint("no goroutine profile: ", err))
	}
	for stack := range strings.SplitSeq(dump.String(), "\n\n") {
		c.goroutines++
		switch {
		case strings.Contains(stack, "internal/cache.(*Cache"), strings.Contains(stack, "internal/session.(*renewer"):
			c.ours++
		case strings.Contains(stack, "net/http.(*persistConn).readLoop"):
			c.connections++
		}
	}
	return c
}
