package difftest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit/internal/memvault"
	"goblin/vaultkit/internal/memvault/kv2"
	"goblin/vaultkit/internal/realvault"
	"goblin/vaultkit/internal/short"
	"goblin/vaultkit/internal/vaulttest"
)

// step is a request of a sequence. In its path "%ns" stands for the sequence's namespace
// and "%mount" for the worker's mount.
type step struct {
	op          string // for the table
	method      string
	path        string // escaped, with its query
	contentType string
	body        string
	anonymous   bool   // without a token
	header      string // "name: value", one more header
}

// String shows the request without secrets: there are none in it.
func (s step) String() string {
	return fmt.Sprintf("%s %s %s (%s)", s.method, s.path, shortened(s.body), s.contentType)
}

func shortened(text string) string {
	if len(text) > 200 {
		return text[:200] + "…"
	}
	return text
}

// answer is what a server said.
type answer struct {
	status  int
	headers string // those that count
	body    []byte
	at      time.Time
}

// target is one of the two servers.
type target struct {
	address   string
	token     string
	transport http.RoundTripper
}

// send plays a step. It follows no redirect: a redirect is an answer.
func (g target) send(t testing.TB, s step, mount, ns string) answer {
	t.Helper()
	path := strings.NewReplacer("%mount", mount, "%ns", ns).Replace(s.path)
	r, err := http.NewRequestWithContext(t.Context(), s.method, g.address+"/v1/"+path, strings.NewReader(s.body))
	if err != nil {
		t.Fatalf("%v: %v", s, err)
	}
	if !s.anonymous {
		r.Header.Set("X-Vault-Token", g.token)
	}
	if s.contentType != "" {
		r.Header.Set("Content-Type", s.contentType)
	}
	if name, value, found := strings.Cut(s.header, ": "); found {
		r.Header.Set(name, value)
	}
	response, err := g.transport.RoundTrip(r)
	if err != nil {
		t.Fatalf("%v: %v", s, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%v: %v", s, err)
	}
	return answer{response.StatusCode, headersOf(response.Header), body, time.Now()}
}

// pair is the two servers, with a mount that is the worker's own.
type pair struct {
	vault, mem target
	server     *memvault.Server // mem's
	mount      string
}

// newPair mounts KV version 2 on both servers. The in-process one is new and has the
// difference on purpose, if any.
func newPair(t testing.TB, quirk kv2.Quirk) *pair {
	t.Helper()
	short.RealOnly(t, "a real Vault server to compare with")
	realvault.SkipOnOpenBao(t, vaulttest.Server(), "these answers are Vault's; memvault/openbao_test.go has those that differ")
	server := memvault.New(memvault.Options{Quirk: quirk})
	transport := &http.Transport{MaxIdleConnsPerHost: workers}
	t.Cleanup(transport.CloseIdleConnections)
	p := &pair{
		vault:  target{vaulttest.Server().Addr(), vaulttest.Server().RootToken(), transport},
		mem:    target{server.Addr(), server.RootToken(), server.Transport()},
		server: server,
		mount:  strings.ToLower(vaulttest.Name(t)),
	}
	mount := step{
		op: "mount", method: http.MethodPost, path: "sys/mounts/%mount", contentType: "application/json",
		body: `{"type":"kv","options":{"version":"2"}}`,
	}
	for _, one := range []target{p.vault, p.mem} {
		if got := one.send(t, mount, p.mount, ""); got.status != http.StatusNoContent {
			t.Fatalf("%v = %d %s, want 204", mount, got.status, got.body)
		}
	}
	return p
}

// overSocket makes the in-process server answer over a socket, as the real one does.
func (p *pair) overSocket(t *testing.T) *pair {
	t.Helper()
	if err := p.server.Listen(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := p.server.Close(); err != nil {
			t.Error(err)
		}
	})
	p.mem.address, p.mem.transport = p.server.Addr(), transport
	return p
}

// headersOf returns the headers that must be the same.
func headersOf(h http.Header) string {
	var out []string
	for _, name := range []string{"Content-Type", "Cache-Control", "Strict-Transport-Security", "Location"} {
		out = append(out, h.Get(name))
	}
	return strings.Join(out, "|")
}
