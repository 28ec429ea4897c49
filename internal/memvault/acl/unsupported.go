package acl

import (
	"errors"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/hcl/ast"
)

// unsupportedKeys are Vault's keys of a path block that this package does not honour.
var unsupportedKeys = []string{"mfa_methods", "control_group", "subscribe_event_types"}

var unsupportedCapabilities = map[string]bool{"subscribe": true, "recover": true}

func checkSupported(path string, node ast.Node) error {
	object, ok := node.(*ast.ObjectType)
	if !ok {
		return nil
	}
	for _, item := range object.List.Items {
		if key := item.Keys[0].Token.Value().(string); slices.Contains(unsupportedKeys, key) {
			return unsupported(path, key)
		}
	}
	return nil
}

// checkTemplate refuses a path with a template such as {{identity.entity.id}}, because
// here a token belongs to no entity. Below identity/ there is nothing that a policy could
// allow, so that the rules of the default policy are accepted there.
func checkTemplate(path string) error {
	if !hasTemplate(path) && !strings.Contains(path, "}}") {
		return nil
	}
	parts := strings.Split(path, "{{")
	balanced := !strings.Contains(parts[0], "}}")
	for _, part := range parts[1:] {
		balanced = balanced && strings.Count(part, "}}") == 1
	}
	if !balanced {
		return errors.New("failed to validate policy templating: unbalanced templating characters")
	}
	if strings.HasPrefix(path, "identity/") {
		return nil
	}
	return unsupported(path, "a template")
}

func hasTemplate(path string) bool { return strings.Contains(path, "{{") }
