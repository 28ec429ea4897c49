package doctor_test

import (
	"context"
	"fmt"

	"goblin/vaultkit"
	"goblin/vaultkit/doctor"
	"goblin/vaultkit/policy"
)

// A service looks at its start whether it will be able to read keys, and tells the
// operator what to do if it won't.
func ExampleDiagnose() {
	query := doctor.Query{Providers: []string{"openai-gpt4"}, Roles: []policy.Role{policy.Reader}}
	options := []vaultkit.Option{vaultkit.WithEnvironment(), vaultkit.WithMount("kv-of-another-team")}

	for found := range doctor.Diagnose(context.Background(), query, options...) {
		if found.Status == doctor.Failed {
			fmt.Println(found.Check, "failed:", found.Detail)
			fmt.Println("see:", found.Fix) // found.LookOnly: it only shows where to look
		}
	}
	// Output:
	// mount failed: nothing is mounted at kv-of-another-team/: check --mount (VAULTKIT_MOUNT) first; on a new Vault, an engine is mounted by: vault secrets enable -path=kv-of-another-team -version=2 kv; an admin runs it
	// see: vault secrets list
}
