package vaultkit_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"goblin/vaultkit"
)

// The provider's API has created a new key. Rotate stores it.
func ExampleClient_Rotate() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	rotation, err := client.Rotate(ctx, "anthropic", vaultkit.NewKey("fake-2"),
		vaultkit.WithActor("release job 42"),
		vaultkit.WithReason("quarterly"),
		vaultkit.WithExpiresAt(time.Now().AddDate(0, 3, 0)),
	)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rotation.Outcome, "version", rotation.NewVersion, "changed", rotation.FieldsChanged)

	// A job that crashed runs again. It finds that the rotation is complete, and changes nothing.
	again, err := client.Rotate(ctx, "anthropic", vaultkit.NewKey("fake-2"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the same rotation:", again.ID == rotation.ID, "resumed:", again.Resumed)
	// Output:
	// committed version 2 changed [api_key]
	// the same rotation: true resumed: true
}

// A script rotates without a client of its own.
func ExampleRotate() {
	rotation, err := vaultkit.Rotate(context.Background(), "replicate", vaultkit.NewKey("fake-2"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rotation.Outcome, "version", rotation.NewVersion)
	// Output: committed version 2
}

// Try the new key with the provider's API before anything is written. This key does not work.
func ExampleWithVerify() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	try := func(ctx context.Context, _ vaultkit.Target, keys vaultkit.ProviderKeys) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Getenv("PROVIDER_URL"), http.NoBody)
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+keys.APIKey())
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return errors.New(response.Status)
		}
		return nil
	}
	_, err = client.Rotate(ctx, "openai-gpt4", vaultkit.NewKey("fake-wrong"), vaultkit.WithVerify(try))
	fmt.Println(err)
	// Output: vaultkit: Rotate openai-gpt4: the new secret was not verified: 401 Unauthorized
}

// A dry run makes every check, writes nothing, and shows what would change.
func ExampleWithDryRun() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	fields := map[string]any{"api_key": "fake-2", "region": "eu"}
	rotation, err := client.Rotate(ctx, "openai-gpt4", vaultkit.NewFields(fields), vaultkit.AddFields(), vaultkit.WithDryRun())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("changes", rotation.FieldsChanged, "adds", rotation.FieldsAdded)
	// Output: changes [api_key region] adds [region]
}

// Two people rotate the same key at the same time. One rotation is applied; the other returns
// ErrConflict and has changed nothing.
func ExampleClient_Rotate_conflict() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	_, err = client.Rotate(ctx, "mistral", vaultkit.NewKey("fake-mine"),
		vaultkit.WithVerify(func(ctx context.Context, target vaultkit.Target, keys vaultkit.ProviderKeys) error {
			// While this rotation tries the new key, a colleague rotates.
			_, err := vaultkit.Rotate(ctx, target.Provider, vaultkit.NewKey("fake-theirs"))
			return err
		}),
	)
	if errors.Is(err, vaultkit.ErrConflict) {
		fmt.Println("conflict: another rotation came first")
	}
	key, err := client.GetAPIKey(ctx, "mistral")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the key is", key)
	// Output:
	// conflict: another rotation came first
	// the key is fake-theirs
}

// providerAPI creates and revokes keys. A real one sends requests to the provider's API.
type providerAPI struct{}

// Name goes into the audit record.
func (providerAPI) Name() string { return "example API" }

// NewFields creates a key. target.Stamp is a name for it, by which it can be found again.
func (providerAPI) NewFields(_ context.Context, target vaultkit.Target) (map[string]any, error) {
	name, _, _ := strings.Cut(target.Stamp, "-2") // without its time, which differs in each run
	fmt.Println("creating the key", name)
	return map[string]any{"api_key": "fake-new"}, nil
}

// Revoke revokes old keys for RevokeOld, and the new key of a rotation that failed.
func (providerAPI) Revoke(_ context.Context, target vaultkit.Target, keys vaultkit.ProviderKeys) error {
	fmt.Println("revoking", keys.Fields(), "of", target.Provider)
	return nil
}

// A source of yours creates the new key with the provider's API, during the rotation.
func ExampleSource() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	rotation, err := client.Rotate(ctx, "cerebras", providerAPI{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rotation.Outcome, rotation.FieldsChanged, "from", rotation.Source)
	// Output:
	// creating the key vaultkit-cerebras-v2
	// committed [api_key] from example API
}

// A program crashed before it knew whether its rotation was applied. Recover finds out, and writes
// the missing record.
func ExampleClient_Recover() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	found, err := client.Recover(ctx, "cohere")
	if err != nil {
		log.Fatal(err)
	}
	for _, rotation := range found {
		fmt.Println(rotation.Provider, rotation.Outcome, rotation.Evidence)
	}
	// Output: cohere committed inferred
}

// A program crashed between its backup and its commit. Abort makes sure that the rotation is never
// applied, even if its commit is still in the network.
func ExampleClient_Abort() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	found, err := client.Recover(ctx, "perplexity")
	if err != nil {
		log.Fatal(err)
	}
	for _, rotation := range found {
		fmt.Println(rotation.Provider, rotation.Outcome)
		aborted, err := client.Abort(ctx, rotation.Provider, rotation.ID)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(aborted.Provider, aborted.Outcome)
	}
	// Output:
	// perplexity undecided
	// perplexity aborted
}

// The new key does not work. Rollback brings the old one back, as a rotation of its own.
func ExampleClient_Rollback() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	if _, err := client.Rotate(ctx, "groq", vaultkit.NewKey("fake-2")); err != nil {
		log.Fatal(err)
	}
	if _, err := client.Rollback(ctx, "groq", "", vaultkit.WithReason("401s since 14:02")); err != nil {
		log.Fatal(err)
	}
	key, err := client.GetAPIKey(ctx, "groq")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the key is", key, "again")
	// Output: the key is fake-1 again
}

// The records say who rotated what, when and why.
func ExampleClient_History() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	_, err = client.Rotate(ctx, "together", vaultkit.NewKey("fake-2"), vaultkit.WithActor("ops"), vaultkit.WithReason("quarterly"))
	if err != nil {
		log.Fatal(err)
	}
	history, err := client.History(ctx, "together")
	if err != nil {
		log.Fatal(err)
	}
	for _, record := range history {
		fmt.Printf("version %d -> %d %s by %s: %s\n", record.OldVersion, record.NewVersion, record.Outcome, record.Actor, record.Reason)
	}
	// Output: version 1 -> 2 committed by ops: quarterly
}

// The new key works everywhere. RevokeOld has the old one revoked, and records it.
func ExampleClient_RevokeOld() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	rotation, err := client.Rotate(ctx, "fireworks", vaultkit.NewKey("fake-fireworks-2"))
	if err != nil {
		log.Fatal(err)
	}
	revocation, err := client.RevokeOld(ctx, "fireworks", rotation.ID, providerAPI{}, vaultkit.WithActor("ops"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("recorded:", revocation.Fields, "by", revocation.Actor)

	// A rollback to the revoked key is refused.
	_, err = client.Rollback(ctx, "fireworks", rotation.Backup)
	fmt.Println("refused:", errors.Is(err, vaultkit.ErrInvalid))
	// Output:
	// revoking [api_key] of fireworks
	// recorded: [api_key] by ops
	// refused: true
}

// The backups are the secrets that Rollback can bring back.
func ExampleClient_Backups() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	if _, err := client.Rotate(ctx, "gemini", vaultkit.NewKey("fake-2"), vaultkit.WithActor("ops")); err != nil {
		log.Fatal(err)
	}
	backups, err := client.Backups(ctx, "gemini")
	if err != nil {
		log.Fatal(err)
	}
	for _, backup := range backups {
		fmt.Printf("version %d, replaced by %s: %s\n", backup.Version, backup.Actor, backup.Outcome)
	}
	// Output: version 1, replaced by ops: committed
}

// Delete old backups, values included. The records stay.
func ExampleClient_PruneBackups() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	for range 3 {
		if _, err := client.Rotate(ctx, "xai", vaultkit.RandomKey()); err != nil {
			log.Fatal(err)
		}
	}
	pruned, err := client.PruneBackups(ctx, "xai", vaultkit.PruneLimits{KeepNewest: 2})
	if err != nil {
		log.Fatal(err)
	}
	for _, backup := range pruned {
		fmt.Println("deleted the backup of version", backup.Version)
	}
	// Output: deleted the backup of version 1
}

// A nightly job reports which keys are due for rotation. With the monitor's policy, it cannot read
// a key.
func ExampleClient_Status() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	for status, err := range client.Status(ctx, vaultkit.StatusQuery{
		Providers: []string{"deepseek", "openai-gpt4"},
		DueWithin: 7 * 24 * time.Hour,
		MaxAge:    90 * 24 * time.Hour,
	}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s version %d: due %q\n", status.Provider, status.Version, status.Due)
	}
	// Output:
	// deepseek version 2: due "expiring"
	// openai-gpt4 version 1: due ""
}

// Replace several development keys with random ones. If one rotation fails, the others go on.
func ExampleClient_RotateAll() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	for one := range client.RotateAll(ctx, 4, []string{"local-llama", "nobody"}, vaultkit.RandomKey()) {
		switch {
		case errors.Is(one.Err, vaultkit.ErrNotFound):
			fmt.Println(one.Provider, "has no secret")
		case one.Err != nil:
			log.Fatal(one.Err)
		default:
			fmt.Println(one.Provider, one.Rotation.Outcome)
		}
	}
	// Output:
	// local-llama committed
	// nobody has no secret
}
