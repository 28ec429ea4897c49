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

// Deny takes a right away from the clients that [Server.Client] made or will make with their
// own token: a capability, such as "update", on a path as policies have it, such as
// "secret/data/goblin-assistant/providers/openai-gpt4".
func (s *Server) Deny(capability, path string) {
	s.t.Helper()
	if !slices.Contains(everything, capability) {
		s.t.Fatalf("vaultkittest: Deny: %q is no capability, want one of %q", capability, everything)
	}
	s.mu.Lock()
	s.denied[path] = append(s.denied[path], capability)
	s.mu.Unlock()
	s.writeClientPolicy()
}

// writeClientPolicy grants everything, and less on the paths of Deny: an exact path counts more
// than a pattern.
func (s *Server) writeClientPolicy() {
	s.t.Helper()
	s.mu.Lock()
	denied := maps.Clone(s.denied)
	s.mu.Unlock()
	text := rule("*", everything)
	for _, path := range slices.Sorted(maps.Keys(denied)) {
		text += rule(path, slices.DeleteFunc(slices.Clone(everything), func(c string) bool { return slices.Contains(denied[path], c) }))
	}
	s.must("store the clients' policy", s.root.Sys().PutPolicyWithContext(s.t.Context(), clientPolicy, text))
}

// rule returns a policy's rule for a path.
func rule(path string, capabilities []string) string {
	if len(capabilities) == 0 {
		capabilities = []string{"deny"}
	}
	return fmt.Sprintf("path %q { capabilities = [\"%s\"] }\n", path, strings.Join(capabilities, `", "`))
}
