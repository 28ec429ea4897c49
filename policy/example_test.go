package policy_test

import (
	"fmt"
	"log"
	"strings"

	"goblin/vaultkit/policy"
)

// The policy of a job that stores a provider's first key. An operator pipes it into: vault policy
// write vaultkit-provisioner -
func ExampleForRole() {
	text, err := policy.ForRole(policy.Provisioner, policy.OnlyProviders("openai-gpt4"), policy.AtMount("team/secret"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(text)
	// Output:
	// # May store a provider's first secret; never replace one.
	// path "team/secret/data/goblin-assistant/providers/openai-gpt4" {
	//   capabilities = ["create"]
	// }
	//
	// # What a client does with its own token. The token need not have the default policy.
	// path "auth/token/lookup-self" { capabilities = ["read"] }
	// path "auth/token/renew-self" { capabilities = ["update"] }
	// path "auth/token/revoke-self" { capabilities = ["update"] }
	// path "sys/capabilities-self" { capabilities = ["update"] }
}

// The names of policies, as "vaultkit setup" stores them.
func ExampleName() {
	for _, opts := range [][]policy.Option{nil, {policy.OnlyProviders("openai-gpt4")}, {policy.AtMount("team/secret")}} {
		name, err := policy.Name(policy.Reader, opts...)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(name)
	}
	// Output:
	// vaultkit-reader
	// vaultkit-reader-openai-gpt4
	// vaultkit-reader-team-secret-252500d5
}

// The paths of a policy for two providers. The list of all names cannot be narrowed.
func ExampleOnlyProviders() {
	text, err := policy.ForRole(policy.Reader, policy.OnlyProviders("anthropic", "openai-gpt4"))
	if err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, `path "secret/`) {
			fmt.Print(line)
		}
	}
	// Output:
	// path "secret/data/goblin-assistant/providers/anthropic" {
	// path "secret/data/goblin-assistant/providers/openai-gpt4" {
	// path "secret/metadata/goblin-assistant/providers/" {
}

// List the roles, for instance to write a policy for each.
func ExampleRoles() {
	fmt.Println(policy.Roles())
	// Output: [reader monitor provisioner rotator recoverer revoker janitor auditor]
}
