package authtest

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit/internal/memvault"
	"goblin/vaultkit/internal/realvault"
	"goblin/vaultkit/internal/short"
	"goblin/vaultkit/internal/vaulttest"
)

// World is a real server and one in the process that get the same requests.
//
// What differs between the servers has a name: each token, accessor, secret id and role id
// is named after its kind and a number when a response shows it for the first time, such
// as "token 1". The root token is "token 0".
type World struct {
	testing.TB
	Server *memvault.Server // the one in the process

	ours, theirs serverFunc
	names        Names
	values       map[string][2]string // ours and theirs by name
	seen         [2]map[string]int    // how many values of a kind each server showed
	known        [2]map[string]bool   // the values that have a name
	log          []string
	counts       map[string]int
	ended        map[string]bool // tokens that both servers have revoked
}

// Ref stands for a named value in a Call's body.
type Ref string

// NewWorld returns a world with a new server in the process.
func NewWorld(t testing.TB) *World {
	t.Helper()
	return NewWorldWith(t, memvault.Options{})
}

// NewWorldWith is NewWorld with options for the server in the process.
func NewWorldWith(t testing.TB, o memvault.Options) *World {
	t.Helper()
	short.RealOnly(t, "a real Vault server to compare with")
	realvault.SkipOnOpenBao(t, vaulttest.Server(), "these answers are Vault's; memvault/openbao_test.go has those that differ")
	w := &World{TB: t, Server: memvault.New(o), theirs: realServer(t), counts: map[string]int{}}
	w.ours = over(&http.Client{Transport: w.Server.Transport()}, "http://memvault")
	w.values = map[string][2]string{"token 0": {w.Server.RootToken(), vaulttest.Server().RootToken()}}
	self := Call{Method: "GET", Path: "auth/token/lookup-self"}
	self.Token = w.values["token 0"][0]
	ours := w.ours(t, self).Text("data", "accessor")
	self.Token = w.values["token 0"][1]
	w.values["accessor 0"] = [2]string{ours, w.theirs(t, self).Text("data", "accessor")}
	w.Reset()
	return w
}

// Reset forgets every name but those of the root token.
func (w *World) Reset() {
	root, accessor := w.values["token 0"], w.values["accessor 0"]
	w.names, w.values, w.seen = Names{}, map[string][2]string{}, [2]map[string]int{{"token": 1}, {"token": 1}}
	w.known = [2]map[string]bool{{}, {}}
	w.log, w.ended = nil, map[string]bool{}
	w.named("token 0", root[0], root[1])
	w.named("accessor 0", accessor[0], accessor[1])
}

// named names a value of both servers.
func (w *World) named(name, ours, theirs string) {
	w.setValue(name, 0, ours)
	w.setValue(name, 1, theirs)
}

// Count returns how many values of a kind have a name.
func (w *World) Count(kind string) int { return w.seen[1][kind] }

// Compare sends a request to both servers and fails the test if they answer differently.
// Token is a name; Path and Body may contain names, as {name} and as Ref.
func (w *World) Compare(c Call) (ours, theirs Answer) {
	w.Helper()
	w.log = append(w.log, fmt.Sprintf("%s: %s %s %v %s", c.Token, c.Method, c.Path, c.Body, c.Wrap))
	ours, theirs = w.ours(w, w.fill(c, 0)), w.theirs(w, w.fill(c, 1))
	w.learnFrom(0, ours, w.seen[0])
	w.learnFrom(1, theirs, w.seen[1])
	if text := w.names.Difference(ours, theirs); text != "" {
		w.Errorf("%s: %s", w.log[len(w.log)-1], text)
	}
	w.count(c, theirs)
	w.awaitEnd(c.Token)
	return ours, theirs
}

var (
	braces  = regexp.MustCompile(`\{[^}]*\}`)
	numbers = regexp.MustCompile(`-[0-9]+`)
)

// fill replaces names by one server's values.
func (w *World) fill(c Call, server int) Call {
	if value, ok := w.values[c.Token]; ok {
		c.Token = value[server]
	}
	c.Path = braces.ReplaceAllStringFunc(c.Path, func(name string) string { return w.values[strings.Trim(name, "{}")][server] })
	if fields, ok := c.Body.(map[string]any); ok {
		filled := maps.Clone(fields)
		for key, value := range fields {
			if name, ok := value.(Ref); ok {
				filled[key] = w.values[string(name)][server]
			}
		}
		c.Body = filled
	}
	return c
}

// shown is where responses show values, by kind.
var shown = []struct{ kind, companion, object, key, companionKey string }{
	{"token", "accessor", "auth", "client_token", "accessor"},
	{"wrap", "wrap-accessor", "wrap_info", "token", "accessor"},
	{"secret", "secret-accessor", "data", "secret_id", "secret_id_accessor"},
	{"role-id", "", "data", "role_id", ""},
	{"wrapped", "", "wrap_info", "wrapped_accessor", ""},
}

func (w *World) count(c Call, theirs Answer) {
	w.counts[fmt.Sprintf("%-6s %s %d", c.Method, numbers.ReplaceAllString(braces.ReplaceAllString(c.Path, "…"), "-…"), theirs.Status)]++
}

// awaitEnd waits until the real server has revoked a token that has no uses left, because
// it does so in the background.
func (w *World) awaitEnd(name string) {
	w.Helper()
	value, ok := w.values[name]
	if !ok || w.ended[name] || w.Failed() {
		return
	}
	lookup := Call{Method: "POST", Path: "auth/token/lookup", Token: w.values["token 0"][0], Body: map[string]any{"token": value[0]}}
	if w.ours(w, lookup).Status != http.StatusForbidden {
		return
	}
	w.ended[name] = true
	lookup.Token, lookup.Body = w.values["token 0"][1], map[string]any{"token": value[1]}
	vaulttest.Eventually(w, name+" is revoked after\n"+w.Requests(), func() bool { return w.theirs(w, lookup).Status == http.StatusForbidden })
}

// Requests returns the requests since Reset.
func (w *World) Requests() string { return strings.Join(w.log, "\n") }

// Report prints how often each request had which status.
func (w *World) Report() {
	w.Helper()
	total := 0
	for _, key := range slices.Sorted(maps.Keys(w.counts)) {
		w.Logf("%6d %s", w.counts[key], key)
		total += w.counts[key]
	}
	if !w.Failed() {
		w.Logf("%d operations compared, 0 differences", total)
	}
}

// Ours sends a request to the server in the process alone.
func (w *World) Ours(c Call) Answer {
	w.Helper()
	return w.ours(w, w.fill(c, 0))
}
