package acl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"goblin/vaultkit/internal/realvault"
)

// A mount of KV version 1 accepts any path and any parameters, and tells create from update.
const mount = "plain"

// observer draws policies and records what the real server allows.
type observer struct {
	*vault
	calls map[string]int // by operation and status
}

func newObserver(t *testing.T) *observer {
	o := &observer{vault: newVault(t), calls: map[string]int{}}
	o.send("", "POST", "sys/mounts/"+mount, map[string]any{"type": "kv", "options": map[string]string{"version": "1"}})
	return o
}

// observation is what the real server answered about the policies of one token.
type observation struct {
	policies     []string
	capabilities map[string]any
	requests     []Request
	statuses     []int // of each request
	mount        int   // the status of the request for the mount's own description
}

// sequence is the policies of a token, and what is done with it.
type sequence struct {
	dir      string
	policies []string
	calls    []call
}

var directories int

func drawSequence(t *rapid.T) sequence {
	directories++
	s := sequence{dir: fmt.Sprintf("%s/d%d", mount, directories)}
	draw := drawPolicy
	if rapid.IntRange(0, 2).Draw(t, "meeting") == 0 {
		draw = drawMeeting
	}
	for range rapid.IntRange(1, 3).Draw(t, "policies") {
		s.policies = append(s.policies, draw(t, s.dir))
	}
	for range 16 {
		s.calls = append(s.calls, drawCall(t))
	}
	return s
}

// paths are all paths of up to two segments, those of three that a request uses, and each
// with a slash at the end.
func (s sequence) paths() []string {
	var all []string
	for _, one := range segments {
		all = append(all, one)
		for _, two := range segments {
			all = append(all, one+"/"+two)
		}
	}
	for _, call := range s.calls {
		all = append(all, call.path)
	}
	slices.Sort(all)
	paths := []string{s.dir, s.dir + "/"}
	for _, path := range slices.Compact(all) {
		paths = append(paths, s.dir+"/"+path, s.dir+"/"+path+"/")
	}
	return paths
}

func (o *observer) observe(s sequence) observation {
	seen := observation{policies: s.policies}
	token := o.token(s.policies)
	seen.capabilities = o.must("POST", "sys/capabilities", map[string]any{"token": token, "paths": s.paths()}).Data
	delete(seen.capabilities, "capabilities")
	seen.mount = o.send(token, "GET", "sys/internal/ui/mounts/"+mount+"/x", nil).status
	o.calls[fmt.Sprint("mount ", seen.mount)]++
	exists := map[string]bool{}
	for _, path := range existing {
		exists[s.dir+"/"+path] = true
		o.must("POST", s.dir+"/"+path, map[string]any{"x": "1"})
	}
	for _, call := range s.calls {
		request, status := o.call(s.dir, token, call, exists)
		seen.requests, seen.statuses = append(seen.requests, request), append(seen.statuses, status)
	}
	o.must("POST", "auth/token/revoke", map[string]any{"token": token})
	return seen
}

// token creates a token with the policies and nothing else.
func (o *observer) token(policies []string) string {
	var names []string
	for i, text := range policies {
		names = append(names, fmt.Sprintf("drawn-%d", i))
		o.must("PUT", "sys/policies/acl/"+names[i], map[string]any{"policy": text})
	}
	request := map[string]any{"policies": names, "no_default_policy": true, "ttl": "1h"}
	return o.must("POST", "auth/token/create", request).Auth.ClientToken
}

// call sends a request. exists says which paths hold something, and is kept up to date.
func (o *observer) call(dir, token string, call call, exists map[string]bool) (Request, int) {
	path := dir + "/" + call.path
	request := Request{Operation: Operation(call.operation), Path: path, Data: decoded(call.data), WrapTTL: seconds(call.wrap)}
	switch call.operation {
	case "list":
		request.Path += "/"
	case "write":
		request.Operation = CreateOperation
		if exists[path] {
			request.Operation = UpdateOperation
		}
	}
	status := o.request(token, call, path)
	o.calls[fmt.Sprint(request.Operation, " ", status)]++
	switch {
	case call.operation == "write" && status < 300:
		exists[path] = true
	case call.operation == "delete" && status < 300:
		delete(exists, path)
	}
	return request, status
}

// difference returns the first difference between our decisions and those observed, or "".
func (seen observation) difference(w ways) string {
	var parsed []*Policy
	for _, text := range seen.policies {
		policy, err := Parse("drawn", text)
		if err != nil {
			return fmt.Sprintf("Parse(%s) = %v, want success", text, err)
		}
		parsed = append(parsed, policy)
	}
	ours := newACL(w, parsed)
	for path, want := range seen.capabilities {
		if got := ours.Capabilities(path); fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Sprintf("Capabilities(%s) = %v, want %v", path, got, want)
		}
	}
	for i, request := range seen.requests {
		if got, want := ours.Allow(request).Allowed, seen.statuses[i] != http.StatusForbidden; got != want {
			return fmt.Sprintf("Allow(%+v).Allowed = %t, Vault answers %d", request, got, seen.statuses[i])
		}
	}
	if got, want := ours.MountAccess(mount+"/"), seen.mount == http.StatusOK; got != want {
		return fmt.Sprintf("MountAccess(%s/) = %t, Vault answers %d", mount, got, seen.mount)
	}
	return ""
}

var methods = map[string]string{"read": "GET", "list": "LIST", "write": "POST", "patch": "PATCH", "delete": "DELETE"}

func (o *observer) request(token string, call call, path string) int {
	o.t.Helper()
	var body []byte
	if call.data != nil {
		body, _ = json.Marshal(call.data) // plain values
	}
	url := realvault.Server(o.t).Addr() + "/v1/" + path
	request, err := http.NewRequestWithContext(o.t.Context(), methods[call.operation], url, bytes.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	request.Header.Set("X-Vault-Token", token)
	if call.operation == "patch" {
		request.Header.Set("Content-Type", "application/merge-patch+json")
	}
	if call.wrap > 0 {
		request.Header.Set("X-Vault-Wrap-TTL", fmt.Sprint(call.wrap))
	}
	return o.do(request).status
}
