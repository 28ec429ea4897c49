package doctor_test

import (
	"context"
	"fmt"
	"log"

	"goblin/vaultkit"
	"goblin/vaultkit/doctor"
	"goblin/vaultkit/policy"
)

// A service checks when it starts whether it can read keys. If it cannot, it says what to run.
func ExampleDiagnose() {
	query := doctor.Query{Providers: []string{"openai-gpt4"}, Roles: []policy.Role{policy.Reader}}
	options := []vaultkit.Option{vaultkit.WithEnvironment(), vaultkit.WithMount("kv-of-another-team")}

	for found := range doctor.Diagnose(context.Background(), query, options...) {
		if found.Status == doctor.Failed {
			log.Print(found.Check, ": ", found.Detail)
			fmt.Println(found.Check, "failed; run:", found.Fix)
		}
	}
	// Output: mount failed; run: vaultkit setup --policy reader --mount kv-of-another-team --yes
}
