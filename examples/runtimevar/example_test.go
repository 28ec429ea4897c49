package vaultkitvar_test

import (
	"context"
	"fmt"
	"log"

	"gocloud.dev/runtimevar"

	"goblin/vaultkit"
	vaultkitvar "goblin/vaultkit/examples/runtimevar"
)

// A program reads a key as a variable of the Go CDK.
func ExampleOpenVariable() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	variable, err := vaultkitvar.OpenVariable(client, "openai-gpt4", "api_key", runtimevar.StringDecoder)
	if err != nil {
		log.Fatal(err)
	}
	defer variable.Close()

	snapshot, err := variable.Latest(ctx) // the newest key, in nanoseconds after the first call
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("a key of", len(snapshot.Value.(string)), "characters")
	// Output: a key of 15 characters
}
