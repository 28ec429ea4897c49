package policy

import (
	"fmt"
	"slices"
	"strings"

	"goblin/vaultkit/internal/rights"
)

// block returns the text that grants capabilities on a path.
func block(grant rights.Grant) string {
	list := `["` + strings.Join(grant.Capabilities, `", "`) + `"]`
	writes := slices.Contains(grant.Capabilities, "update") || slices.Contains(grant.Capabilities, "patch")
	if grant.TagsOnly && writes {
		return fmt.Sprintf(taggingBlock, grant.Path, list)
	}
	text := fmt.Sprintf("path %q {\n  capabilities = %s\n}\n", grant.Path, list)
	if grant.Denied != "" {
		text += fmt.Sprintf(denyingBlock, grant.Denied)
	}
	return text
}

const taggingBlock = `path %q {
  # Only custom metadata: delete_version_after and max_versions delete stored versions.
  capabilities       = %s
  allowed_parameters = { "custom_metadata" = [] }
}
`

const denyingBlock = `path %q {
  # Vault resolves .. after it has checked the policy.
  capabilities = ["deny"]
}
`

const ownToken = `
# What a client does with its own token. The token need not have the default policy.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
path "sys/capabilities-self" { capabilities = ["update"] }
`
