package vaultkit_test

import (
	"context"
	"fmt"

	"goblin/vaultkit"
)

// A service looks at its start whether it will be able to read keys, and tells the
// operator what to do if it won't.
func ExampleDiagnose() {
	query := vaultkit.DiagnoseQuery{Providers: []string{"openai-gpt4"}, Roles: []vaultkit.Role{vaultkit.RoleReader}}
	options := []vaultkit.Option{vaultkit.FromEnvironment(), vaultkit.WithMount("kv-of-another-team")}

	for found := range vaultkit.Diagnose(context.Background(), query, options...) {
		if found.Status == vaultkit.FindingFailed {
			fmt.Println(found.Check, "failed:", found.Detail)
			fmt.Println("see:", found.Fix) // found.LookOnly: it only shows where to look
		}
	}
	// Output:
	// mount failed: nothing is mounted at kv-of-another-team/: check --mount (VAULTKIT_MOUNT) first; on a new Vault, an engine is mounted by: vault secrets enable -path=kv-of-another-team -version=2 kv; an admin runs it
	// see: vault secrets list
}
