package token_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit/internal/memvault/authtest"
	"goblin/vaultkit/internal/memvault/clock"
	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/policies"
	"goblin/vaultkit/internal/memvault/token"
	"goblin/vaultkit/internal/vaulttest"
)

// world is a real server and one in the process, with the same tokens.
type world struct {
	t      testing.TB
	clock  *clock.Clock
	theirs authtest.Server
	ours   authtest.Server
	names  authtest.Names
	tokens []pair // by slot; slot 0 is the root token
	log    []string
	counts map[string]int
}

// pair is the same token at both servers.
type pair struct {
	ours, theirs, ourAccessor, theirAccessor string
	limited                                  bool // its uses are counted
}

var fixedPolicies = map[string]string{
	"admin": `path "*" { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }`,
	"maker": `path "auth/token/*" { capabilities = ["create", "read", "update", "list"] }
path "sys/capabilities*" { capabilities = ["update"] }`,
	"plain": `path "secret/data/x" { capabilities = ["read"] }`,
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, clock: &clock.Clock{}, theirs: authtest.Real(t), counts: map[string]int{}}
	store := policies.NewStore()
	tokens := token.NewStore(w.clock, store)
	w.ours = authtest.Memory(&authtest.Core{Tokens: tokens, Mounts: []authtest.Mount{
		{Path: "sys/", Type: "system", Table: endpoint.NewTable(append(store.Endpoints(), tokens.CapabilityEndpoints()...)...)},
		{Path: "auth/token/", Type: "token", Table: tokens.Table()},
	}})
	root := pair{ours: tokens.CreateRoot(""), theirs: vaulttest.Server().RootToken()}
	self := authtest.Call{Method: "GET", Path: "auth/token/lookup-self", Token: root.ours}
	root.ourAccessor = w.ours(t, self).Text("data", "accessor")
	self.Token = root.theirs
	root.theirAccessor = w.theirs(t, self).Text("data", "accessor")
	w.reset(root)
	for name, text := range fixedPolicies {
		w.compare(0, "PUT", "sys/policies/acl/"+name, map[string]any{"policy": text})
	}
	return w
}

// reset forgets the tokens but the root token.
func (w *world) reset(root pair) {
	w.names, w.tokens, w.log = authtest.Names{}, nil, nil
	w.add(root)
}

func (w *world) add(p pair) {
	slot := len(w.tokens)
	w.tokens = append(w.tokens, p)
	w.names.Add(fmt.Sprintf("token %d", slot), p.ours, p.theirs)
	w.names.Add(fmt.Sprintf("accessor %d", slot), p.ourAccessor, p.theirAccessor)
}

// slot stands for a token in a body: the token, or the accessor if it is negative.
type slot int

// body replaces slots by what each server knows.
func (w *world) body(fields map[string]any, pick func(pair) (id, accessor string)) map[string]any {
	if fields == nil {
		return nil
	}
	filled := maps.Clone(fields)
	for name, value := range fields {
		n, ok := value.(slot)
		if !ok {
			continue
		}
		id, accessor := pick(w.tokens[max(n, -n)])
		if filled[name] = id; name == "accessor" {
			filled[name] = accessor
		}
	}
	return filled
}

// compare sends a request of a slot's token to both servers and returns their answers.
func (w *world) compare(by int, method, path string, fields map[string]any) (ours, theirs authtest.Answer) {
	w.t.Helper()
	call := authtest.Call{Method: method, Path: path, Token: w.tokens[by].ours}
	if body := w.body(fields, func(p pair) (string, string) { return p.ours, p.ourAccessor }); body != nil {
		call.Body = body
	}
	ours = w.ours(w.t, call)
	call.Token = w.tokens[by].theirs
	if body := w.body(fields, func(p pair) (string, string) { return p.theirs, p.theirAccessor }); body != nil {
		call.Body = body
	}
	theirs = w.theirs(w.t, call)
	w.log = append(w.log, fmt.Sprintf("token %d: %s %s %v", by, method, path, fields))
	if theirs.Text("auth", "client_token") != "" && method != "GET" && strings.Contains(path, "create") {
		w.add(pair{
			ours.Text("auth", "client_token"), theirs.Text("auth", "client_token"),
			ours.Text("auth", "accessor"), theirs.Text("auth", "accessor"), fmt.Sprint(theirs.Get("auth", "num_uses")) != "0",
		})
	}
	if text := w.names.Difference(ours, theirs); text != "" {
		w.t.Errorf("%s: %s", w.log[len(w.log)-1], text)
	}
	w.counts[fmt.Sprintf("%-6s %s %d", method, path, theirs.Status)]++
	w.awaitEnd(by)
	return ours, theirs
}

// awaitEnd waits until the real server has revoked a token that has no uses left, because
// it does so in the background.
func (w *world) awaitEnd(by int) {
	w.t.Helper()
	p, root := w.tokens[by], w.tokens[0]
	if !p.limited {
		return
	}
	lookup := authtest.Call{Method: "POST", Path: "auth/token/lookup", Token: root.ours, Body: fields{"token": p.ours}}
	if w.ours(w.t, lookup).Status == http.StatusOK {
		return
	}
	lookup.Token, lookup.Body = root.theirs, fields{"token": p.theirs}
	vaulttest.Eventually(w.t, "a token without uses is revoked", func() bool {
		return w.theirs(w.t, lookup).Status == http.StatusForbidden
	})
}

// report prints how often each request had which status.
func (w *world) report() {
	w.t.Helper()
	total := 0
	for _, key := range slices.Sorted(maps.Keys(w.counts)) {
		w.t.Logf("%6d %s", w.counts[key], key)
		total += w.counts[key]
	}
	w.t.Logf("%d operations compared, 0 differences", total)
}
