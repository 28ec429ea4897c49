package vaultkit_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"goblin/vaultkit"
)

// A service makes one client when it starts, and reads keys with it.
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

// A script needs no client of its own: the first call makes one from the environment.
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

// Log in with a token that exists already. FromString and FromFile take it from the program, or
// from a file that a Vault Agent writes.
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

// Log in with an AppRole whose ids are in files. The client logs in again, from the same files,
// when its token ends.
func ExampleNew_appRole() {
	credentials := os.Getenv("CREDENTIALS_DIRECTORY") // set by systemd
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

// Log in with a response-wrapped secret id, as pipelines get it. A wrapping token works once. If it
// was used before, somebody else may have the secret id.
func ExampleNew_wrappedSecretID() {
	credentials := os.Getenv("CREDENTIALS_DIRECTORY")
	for range 2 { // the second login fails
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

// Log in with the service account of a pod. The client reads the projected token again at each
// login, because Kubernetes replaces it.
func ExampleNew_kubernetes() {
	client, err := vaultkit.New(context.Background(),
		vaultkit.WithAddress(os.Getenv("VAULT_ADDR")),
		vaultkit.WithKubernetes(vaultkit.Kubernetes{
			Role: "goblin",
			// In a pod, leave JWTFile empty.
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

// Log in as a job of GitHub Actions that has "permissions: id-token: write". Each login asks GitHub
// for a new token.
func ExampleWithJWT() {
	client, err := vaultkit.New(context.Background(),
		vaultkit.WithAddress(os.Getenv("VAULT_ADDR")),
		vaultkit.WithJWT(vaultkit.JWT{
			Role:  "goblin",
			Token: vaultkit.GitHubToken("https://vault.example.com"), // in the role's bound_audiences
		}),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println("logged in")
	// Output: logged in
}

// Log in as a job of GitLab CI. Its id_tokens name the variable, and the audience:
//
//	id_tokens:
//	  VAULT_ID_TOKEN:
//	    aud: https://vault.example.com
func ExampleWithJWT_gitLab() {
	client, err := vaultkit.New(context.Background(),
		vaultkit.WithAddress(os.Getenv("VAULT_ADDR")),
		vaultkit.WithJWT(vaultkit.JWT{Role: "goblin", Token: vaultkit.FromEnv("VAULT_ID_TOKEN")}),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println("logged in")
	// Output: logged in
}

// Test errors with their sentinels.
func ExampleClient_GetAPIKey() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	for _, provider := range []string{"openai-gpt4", "opneai-gpt4"} {
		key, err := client.GetAPIKey(ctx, provider)
		switch {
		case errors.Is(err, vaultkit.ErrNotFound):
			fmt.Println(provider, "has no secret")
		case errors.Is(err, vaultkit.ErrUnavailable):
			fmt.Println("Vault is down")
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

// Index the keys like a map. Printed, they show only the names.
func ExampleClient_GetProviderKeys() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	keys, err := client.GetProviderKeys(ctx, "openai-gpt4")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("organization:", keys["organization"])
	fmt.Println(keys)
	// Output:
	// organization: goblin
	// ProviderKeys[api_key organization]
}

// PutProviderKeys stores the first secret of a provider. It replaces none.
func ExampleClient_PutProviderKeys() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	for range 2 {
		version, err := client.PutProviderKeys(ctx, "stability", vaultkit.ProviderKeys{"api_key": "fake-1"})
		switch {
		case errors.Is(err, vaultkit.ErrConflict):
			fmt.Println("it has a secret: rotate it")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println("stored as version", version)
		}
	}
	// Output:
	// stored as version 1
	// it has a secret: rotate it
}

// A script reads every field.
func ExampleGetProviderKeys() {
	keys, err := vaultkit.GetProviderKeys(context.Background(), "local-llama")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(keys.Fields())

	if client, err := vaultkit.Default(context.Background()); err == nil {
		client.Close() // before the program ends
	}
	// Output: [api_key api_secret]
}

// Read another field than "api_key".
func ExampleClient_GetField() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	for _, field := range []string{"organization", "region"} {
		value, err := client.GetField(ctx, "openai-gpt4", field)
		switch {
		case errors.Is(err, vaultkit.ErrFieldMissing):
			fmt.Println("there is no", field)
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(field, "is", value)
		}
	}
	// Output:
	// organization is goblin
	// there is no region
}

// List the providers.
func ExampleClient_Providers() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	providers, err := client.Providers(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, provider := range providers {
		if strings.HasPrefix(provider, "openai-") {
			fmt.Println(provider)
		}
	}
	// Output: openai-gpt4
}

// Vault returns the official client, for requests that vaultkit does not cover.
func ExampleClient_Vault() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	status, err := client.Vault().Sys().SealStatusWithContext(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("initialized:", status.Initialized, "sealed:", status.Sealed)
	// Output: initialized: true sealed: false
}

// The fields of an error say what to do. This token has the reader's policy.
func ExampleError() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment(),
		vaultkit.WithToken(vaultkit.FromFile(filepath.Join(os.Getenv("CREDENTIALS_DIRECTORY"), "reader-token"))))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	_, err = client.Rotate(ctx, "openai-gpt4", vaultkit.NewKey("fake-2"))
	var failed *vaultkit.Error
	if errors.Is(err, vaultkit.ErrPermissionDenied) && errors.As(err, &failed) {
		fmt.Println(failed.Op, "needs", failed.Capability, "on", failed.Path)
	}
	// Output: Rotate needs update on secret/data/goblin-assistant/providers/openai-gpt4
}
