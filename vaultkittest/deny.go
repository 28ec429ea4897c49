package vaultkittest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// clientPolicy is the policy of the tokens that Client makes.
const clientPolicy = "vaultkittest-client"

// everything is what a policy can grant for a path.
var everything = []string{"create", "read", "update", "patch", "delete", "list"}

// Deny takes a right away from the tokens that [Server.Client], [Server.Options] and
// [Server.Setenv] made or will make: a capability, such as "update", on a path as policies have it,
// such as "secret/data/goblin-assistant/providers/openai-gpt4". The path may have + for a segment
// and * at its end. [Server.Allow] ends it.
func (s *Server) Deny(capability, path string) {
	s.t.Helper()
	s.checkRight("Deny", capability, path)
	s.change(func() { s.denied[path] = append(s.denied[path], capability) })
}

// Allow ends a Deny of the same capability and path.
func (s *Server) Allow(capability, path string) {
	s.t.Helper()
	s.checkRight("Allow", capability, path)
	s.change(func() {
		left := slices.DeleteFunc(s.denied[path], func(c string) bool { return c == capability })
		if s.denied[path] = left; len(left) == 0 {
			delete(s.denied, path)
		}
	})
}

func (s *Server) checkRight(method, capability, path string) {
	s.t.Helper()
	if !slices.Contains(everything, capability) {
		s.t.Fatalf("vaultkittest: %s: %q is no capability, want one of %q", method, capability, everything)
	}
	if path == "" || strings.HasPrefix(path, "/") || strings.HasPrefix(path, "v1/") {
		s.t.Fatalf("vaultkittest: %s: %q is no path of a policy, want one such as %q", method, path, s.mount+"/data/"+s.base+"/providers/+")
	}
}

// change changes what is denied, and writes the clients' policy anew.
func (s *Server) change(f func()) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	s.writeClientPolicy()
}

// writeClientPolicy grants everything, and less on the paths of Deny. Vault uses the most exact
// rule alone, so that each rule lacks what the wider ones lack. The caller holds s.mu.
func (s *Server) writeClientPolicy() {
	s.t.Helper()
	paths := maps.Clone(s.denied)
	paths["*"] = nil
	var text strings.Builder
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		granted := slices.Clone(everything)
		for wider, capabilities := range s.denied {
			if covers(wider, path) {
				granted = slices.DeleteFunc(granted, func(c string) bool { return slices.Contains(capabilities, c) })
			}
		}
		text.WriteString(rule(path, granted))
	}
	s.must("store the clients' policy", s.root.Sys().PutPolicyWithContext(background, clientPolicy, text.String()))
}

// covers reports whether a policy's path matches all that another one matches.
func covers(wide, path string) bool {
	prefix, isPrefix := strings.CutSuffix(wide, "*")
	segments, parts := strings.Split(prefix, "/"), strings.Split(path, "/")
	if len(parts) < len(segments) || !isPrefix && len(parts) != len(segments) {
		return false
	}
	for i, segment := range segments {
		last := isPrefix && i == len(segments)-1
		matches := segment == "+" || segment == parts[i] || last && strings.HasPrefix(parts[i], segment)
		if !matches {
			return false
		}
	}
	return true
}

// rule returns a policy's rule for a path.
func rule(path string, capabilities []string) string {
	if len(capabilities) == 0 {
		capabilities = []string{"deny"}
	}
	return fmt.Sprintf("path %q { capabilities = [\"%s\"] }\n", path, strings.Join(capabilities, `", "`))
}
