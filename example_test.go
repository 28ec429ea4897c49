package vaultkit_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"goblin/vaultkit"
)

// A service makes one client, and asks it for keys.
func Example() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	key, err := client.GetAPIKey(ctx, "openai-gpt4")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("a key of", len(key), "characters")
	// Output: a key of 15 characters
}

// A script that needs one key needs no client: a default one is made from the
// environment on first use.
func ExampleGetAPIKey() {
	key, err := vaultkit.GetAPIKey(context.Background(), "openai-gpt4")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("a key of", len(key), "characters")

	if client, err := vaultkit.Default(context.Background()); err == nil {
		client.Close() // before the program ends
	}
	// Output: a key of 15 characters
}

// With a token that somebody else obtained: by value, from a variable, or from a
// file that a Vault Agent keeps fresh.
func ExampleNew_token() {
	client, err := vaultkit.New(context.Background(),
		vaultkit.WithAddress(os.Getenv("VAULT_ADDR")),
		vaultkit.WithToken(vaultkit.FromEnv("VAULT_TOKEN")),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println("logged in")
	// Output: logged in
}

// With an AppRole whose ids a supervisor put into files. The client logs in
// again, from the same files, whenever its token ends.
func ExampleNew_appRole() {
	credentials := os.Getenv("CREDENTIALS_DIRECTORY") // as systemd calls it
	client, err := vaultkit.New(context.Background(),
		vaultkit.WithAddress(os.Getenv("VAULT_ADDR")),
		vaultkit.WithAppRole(vaultkit.AppRole{
			RoleID:   vaultkit.FromFile(filepath.Join(credentials, "role-id")),
			SecretID: vaultkit.FromFile(filepath.Join(credentials, "secret-id")),
		}),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println("logged in")
	// Output: logged in
}

// With a response-wrapped secret id, as a pipeline hands it over. A wrapping
// token that was used before is an error of its own: somebody else may hold the
// secret id.
func ExampleNew_wrappedSecretID() {
	credentials := os.Getenv("CREDENTIALS_DIRECTORY")
	for range 2 { // the second time, as a thief would find it
		client, err := vaultkit.New(context.Background(),
			vaultkit.WithAddress(os.Getenv("VAULT_ADDR")),
			vaultkit.WithAppRole(vaultkit.AppRole{
				RoleID:   vaultkit.FromFile(filepath.Join(credentials, "role-id")),
				SecretID: vaultkit.FromFile(filepath.Join(credentials, "wrapped-secret-id")).Wrapped(),
			}),
		)
		switch {
		case errors.Is(err, vaultkit.ErrWrappingToken):
			fmt.Println("the wrapping token was used before")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println("logged in")
			client.Close()
		}
	}
	// Output:
	// logged in
	// the wrapping token was used before
}

// In a pod, with its service account. The projected token is read again at each
// login, since Kubernetes replaces it about every hour.
func ExampleNew_kubernetes() {
	client, err := vaultkit.New(context.Background(),
		vaultkit.WithAddress(os.Getenv("VAULT_ADDR")),
		vaultkit.WithKubernetes(vaultkit.Kubernetes{
			Role: "goblin",
			// Leave this out in a pod.
			JWTFile: filepath.Join(os.Getenv("CREDENTIALS_DIRECTORY"), "jwt"),
		}),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println("logged in")
	// Output: logged in
}

// exampleClient stands for the client a service has made at its start.
func exampleClient(opts ...vaultkit.Option) *vaultkit.Client {
	client, err := vaultkit.New(context.Background(), append(opts, vaultkit.WithEnvironment())...)
	if err != nil {
		log.Fatal(err)
	}
	return client
}

// Errors are told apart by their sentinels.
func ExampleClient_GetAPIKey() {
	client := exampleClient()
	defer client.Close()

	for _, provider := range []string{"openai-gpt4", "opneai-gpt4"} {
		key, err := client.GetAPIKey(context.Background(), provider)
		switch {
		case errors.Is(err, vaultkit.ErrNotFound):
			fmt.Println(provider, "has no secret")
		case errors.Is(err, vaultkit.ErrUnavailable):
			fmt.Println("Vault is down: keep the key you have")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(provider, "has a key of", len(key), "characters")
		}
	}
	// Output:
	// openai-gpt4 has a key of 15 characters
	// opneai-gpt4 has no secret
}

// The keys are indexed like a map, and print as names only.
func ExampleClient_GetProviderKeys() {
	client := exampleClient()
	defer client.Close()

	keys, err := client.GetProviderKeys(context.Background(), "openai-gpt4")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("organization:", keys["organization"])
	fmt.Println(keys)
	// Output:
	// organization: goblin
	// ProviderKeys[api_key organization]
}

// The first secret of a provider. It never replaces one.
func ExampleClient_PutProviderKeys() {
	client := exampleClient()
	defer client.Close()

	for range 2 {
		version, err := client.PutProviderKeys(context.Background(), "together", vaultkit.ProviderKeys{"api_key": "fake-1"})
		switch {
		case errors.Is(err, vaultkit.ErrConflict):
			fmt.Println("there is one already: rotate it")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println("stored as version", version)
		}
	}
	// Output:
	// stored as version 1
	// there is one already: rotate it
}

// The provider's API has issued a new key; now Vault gets it.
func ExampleClient_Rotate() {
	client := exampleClient()
	defer client.Close()
	ctx := context.Background()

	rotation, err := client.Rotate(ctx, "anthropic", vaultkit.NewKey("fake-2"),
		vaultkit.WithActor("release job 42"),
		vaultkit.WithReason("quarterly"),
		vaultkit.WithExpiresAt(time.Now().AddDate(0, 3, 0)),
	)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rotation.Outcome, "version", rotation.NewVersion, "changed", rotation.FieldsChanged)

	// A job that runs again, because it never saw the answer, changes nothing.
	again, err := client.Rotate(ctx, "anthropic", vaultkit.NewKey("fake-2"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the same rotation:", again.ID == rotation.ID, "resumed:", again.Resumed)
	// Output:
	// committed version 2 changed [api_key]
	// the same rotation: true resumed: true
}

// Two people rotate the same key at once: one wins, and the other is told that
// nothing of theirs was applied.
func ExampleClient_Rotate_conflict() {
	client, colleague := exampleClient(), exampleClient()
	defer client.Close()
	defer colleague.Close()
	ctx := context.Background()

	_, err := client.Rotate(ctx, "mistral", vaultkit.NewKey("fake-mine"),
		vaultkit.WithVerify(func(ctx context.Context, target vaultkit.Target, keys vaultkit.ProviderKeys) error {
			// While the new key is tried out, the colleague is faster.
			_, err := colleague.Rotate(ctx, target.Provider, vaultkit.NewKey("fake-theirs"))
			return err
		}),
	)
	if errors.Is(err, vaultkit.ErrConflict) {
		fmt.Println("somebody else rotated it first")
	}
	key, err := client.GetAPIKey(ctx, "mistral")
	fmt.Println(key, err)
	// Output:
	// somebody else rotated it first
	// fake-theirs <nil>
}

// crashAtCommit is a transport on which a program crashes at the commit of a rotation: before
// the request is sent, or after Vault has applied it and before the program has the response.
type crashAtCommit struct {
	http.RoundTripper
	provider string
	applied  bool
	crash    context.CancelFunc
}

func (c crashAtCommit) RoundTrip(request *http.Request) (*http.Response, error) {
	commit := request.Method == http.MethodPut && strings.HasSuffix(request.URL.Path, "/providers/"+c.provider)
	if !commit || c.applied {
		response, err := c.RoundTripper.RoundTrip(request)
		if !commit || err != nil {
			return response, err
		}
		response.Body.Close()
	}
	c.crash()
	return nil, errors.New("connection lost")
}

// rotateAndCrash rotates a provider by a program that crashes at the commit.
func rotateAndCrash(provider string, applied bool) error {
	ctx, crash := context.WithCancel(context.Background())
	client := exampleClient(vaultkit.WithTransport(func(next http.RoundTripper) http.RoundTripper {
		return crashAtCommit{next, provider, applied, crash}
	}))
	defer client.Close()
	_, err := client.Rotate(ctx, provider, vaultkit.NewKey("fake-2"))
	return err
}

// A program crashes before it knows whether its rotation was applied. Recover finds out.
func ExampleClient_Recover() {
	err := rotateAndCrash("cohere", true)
	fmt.Println("undetermined:", errors.Is(err, vaultkit.ErrUndetermined))

	client := exampleClient()
	defer client.Close()
	found, err := client.Recover(context.Background(), "cohere")
	if err != nil {
		log.Fatal(err)
	}
	for _, rotation := range found {
		fmt.Println(rotation.Provider, rotation.Outcome, rotation.Evidence)
	}
	// Output:
	// undetermined: true
	// cohere committed inferred
}

// The new key does not work: the old one comes back, as a rotation of its own.
func ExampleClient_Rollback() {
	client := exampleClient()
	defer client.Close()
	ctx := context.Background()

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
	fmt.Println("back to", key)

	history, err := client.History(ctx, "groq")
	if err != nil {
		log.Fatal(err)
	}
	for _, record := range history {
		fmt.Printf("version %d -> %d %s %s\n", record.OldVersion, record.NewVersion, record.Outcome, record.Reason)
	}
	// Output:
	// back to fake-1
	// version 2 -> 3 committed 401s since 14:02
	// version 1 -> 2 committed
}

// Which secrets can be brought back.
func ExampleClient_Backups() {
	client := exampleClient()
	defer client.Close()
	ctx := context.Background()

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

// An issuer asks the provider's API for a new key, under a name by which an
// orphan can be found.
type issuerAPI struct{}

func (issuerAPI) Name() string { return "example issuer" }

func (issuerAPI) NewFields(ctx context.Context, target vaultkit.Target) (map[string]any, error) {
	name, _, _ := strings.Cut(target.Stamp, "-2") // here without its time
	fmt.Println("creating a key named", name)
	return map[string]any{"api_key": "fake-issued", "api_secret": "fake-issued-too"}, nil
}

// A source of one's own makes the new key when the rotation needs it.
func ExampleSource() {
	client := exampleClient()
	defer client.Close()

	rotation, err := client.Rotate(context.Background(), "local-llama", issuerAPI{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rotation.Outcome, rotation.FieldsChanged, "from", rotation.Source)
	// Output:
	// creating a key named vaultkit-local-llama-v2
	// committed [api_key api_secret] from example issuer
}
