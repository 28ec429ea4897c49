package vaultkittest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/vaultkittest"
)

// A test sees what its program sees after somebody else has rotated a key. t is the *testing.T of
// the test.
func Example() {
	vault := vaultkittest.NewServer(t, vaultkittest.WithProvider("openai-gpt4", "fake-old"))
	client := vault.Client(t)

	vault.Rotate("openai-gpt4", "fake-new")

	key, err := client.GetAPIKey(t.Context(), "openai-gpt4")
	fmt.Println(key, err)
	// Output: fake-new <nil>
}

// A rotation tool gets no response to its commit, and finds out what happened.
func ExampleServer_DisconnectAfter() {
	vault := vaultkittest.NewServer(t, vaultkittest.WithProvider("openai-gpt4", "fake-old"))
	client := vault.Client(t)

	vault.DisconnectAfter(vaultkittest.Commit)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := client.Rotate(ctx, "openai-gpt4", vaultkit.NewKey("fake-new"))
	fmt.Println("undetermined:", errors.Is(err, vaultkit.ErrUndetermined))

	vault.Reconnect()
	found, err := client.Recover(t.Context(), "openai-gpt4")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("outcome:", found[0].Outcome)
	// Output:
	// undetermined: true
	// outcome: committed
}

// A policy is too narrow for a program, until somebody adds the right.
func ExampleServer_Deny() {
	vault := vaultkittest.NewServer(t, vaultkittest.WithProvider("openai-gpt4", "fake-key"))
	client := vault.Client(t)

	vault.Deny("read", "secret/data/goblin-assistant/providers/+")
	_, err := client.GetAPIKey(t.Context(), "openai-gpt4")
	fmt.Println("denied:", errors.Is(err, vaultkit.ErrPermissionDenied))

	vault.Allow("read", "secret/data/goblin-assistant/providers/+")
	_, err = client.GetAPIKey(t.Context(), "openai-gpt4")
	fmt.Println("after Allow:", err)
	// Output:
	// denied: true
	// after Allow: <nil>
}
