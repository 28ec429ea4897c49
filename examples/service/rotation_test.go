package main

import (
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/examples/provider"
	"goblin/vaultkit/internal/vaulttest"
)

func TestMain(m *testing.M) { vaulttest.Main(m) }

// The service of the test looks for a new key every ttl. The rotator waits for longer before it revokes
// the old one, even on a machine that is busy with other tests.
const (
	ttl  = time.Second
	wait = 3 * time.Second
)

// load sends requests to the service, from several callers.
type load struct {
	sent, failed atomic.Int64
	first        sync.Once
	failure      string // the first
}

// run sends requests until the rotations end, and at least this many.
func (l *load) run(address string, rotated <-chan struct{}, least int64) {
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			tick := time.NewTicker(8 * time.Millisecond)
			defer tick.Stop()
			for ended := false; !ended || l.sent.Load() < least; {
				select {
				case <-rotated:
					ended = true
				default:
				}
				l.ask(address)
				<-tick.C
			}
		})
	}
	callers.Wait()
}

func (l *load) ask(address string) {
	l.sent.Add(1)
	response, err := http.Post(address+"/ask", "application/json", strings.NewReader(question)) //nolint:noctx // until it is answered
	if err == nil {
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
	if err != nil || response.StatusCode != http.StatusOK {
		l.first.Do(func() { l.failure = fmt.Sprint(response, err) })
		l.failed.Add(1)
	}
}

// rotator is the program of examples/rotator. It has only the rights of a rotator.
type rotator struct {
	binary  string
	environ []string
}

func buildRotator(t *testing.T, url string) rotator {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "rotator")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	build.Dir = "../rotator"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build examples/rotator = %v, want success:\n%s", err, out)
	}
	token := vaulttest.Token(t, vaulttest.Policy(t, "../../", "rotator"))
	return rotator{binary, []string{"VAULT_ADDR=" + vaulttest.Server().Addr(), "VAULT_TOKEN=" + token, "HOME=" + t.TempDir(),
		"PROVIDER_URL=" + url, "PROVIDER_ADMIN_KEY=" + adminKey}}
}

// rotate replaces the key, and revokes the old one.
func (r rotator) rotate(t *testing.T, name string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), r.binary, "-wait", wait.String(), name)
	command.Env = r.environ
	out, err := command.CombinedOutput()
	text := string(out)
	if err != nil || strings.Contains(text, "sk-standin") || strings.Contains(text, adminKey) || !strings.Contains(text, "is revoked") {
		t.Fatalf("rotator %s = %v, want success, a revocation, and no key in its output:\n%s", name, err, text)
	}
}

// The service answers 10,000 requests while its key is rotated 20 times and each old key is revoked. No
// call of the provider's API has a key that does not work. The Vault is a real one.
func TestService_AnswersEveryRequestUnderRotations(t *testing.T) {
	rotations, requests := 20, int64(10_000)
	if testing.Short() {
		rotations, requests = 2, 500
	}
	api, url, keys := startAPI(t)
	name := vaulttest.Name(t)
	vaulttest.Put(t, "providers/"+name, map[string]any{"api_key": keys["api_key"], "api_key_id": keys["api_key_id"]})
	s, address := serve(t, config{provider: name, providerURL: url, ttl: ttl})
	token := vaulttest.Token(t, vaulttest.Policy(t, "../../", "reader"))
	if err := s.start(t.Context(), vaultkit.WithAddress(vaulttest.Server().Addr()), vaultkit.WithToken(vaultkit.FromString(token))); err != nil {
		t.Fatalf("start() = %v, want no error", err)
	}
	program := buildRotator(t, url)
	l, rotated, ended := &load{}, make(chan struct{}), make(chan struct{})
	began := time.Now()
	go func() { defer close(ended); l.run(address, rotated, requests) }()
	func() {
		defer func() { close(rotated); <-ended }()
		for range rotations {
			program.rotate(t, name)
		}
	}()
	calls, sent := api.Calls(), l.sent.Load()
	t.Logf("%d requests in %v under %d rotations: %d failed; calls: %+v", sent, time.Since(began).Round(time.Second), rotations, l.failed.Load(), calls)
	// Every key has answered, so each rotation reached the service before its old key was revoked.
	if want := (provider.Calls{Answered: int(sent), Keys: rotations + 1}); sent < requests || l.failed.Load() != 0 || calls != want {
		t.Errorf("%d requests, %d failed (the first: %s), calls = %+v, want at least %d, none failed, and %+v",
			sent, l.failed.Load(), l.failure, calls, requests, want)
	}
	if names := api.Working(); len(names) != 1 {
		t.Errorf("working keys = %q, want one: every old key is revoked", names)
	}
}
