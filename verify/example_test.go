package verify_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/verify"
)

// newAPI starts a server with OpenAI's API that accepts one key.
func newAPI(accepted string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+accepted {
			w.WriteHeader(http.StatusUnauthorized)
		}
		fmt.Fprint(w, `{"object": "list", "data": []}`)
	}))
}

// A verifier can be called by itself. Wait(0) is for keys in force: the first outcome counts.
func Example() {
	api := newAPI("sk-example-good")
	defer api.Close()

	verifier := verify.Compatible(api.URL, verify.Wait(0))
	for _, key := range []string{"sk-example-good", "sk-example-dead"} {
		err := verifier(context.Background(), vaultkit.Target{}, vaultkit.ProviderKeys{"api_key": key})
		switch {
		case err == nil:
			fmt.Println("the key works")
		case errors.Is(err, verify.ErrRejected):
			fmt.Println("the key does not work")
		default:
			fmt.Println("cannot tell:", err)
		}
	}
	// Output:
	// the key works
	// the key does not work
}

// A rotation tries the new key before it writes anything. It stops if OpenAI rejects the key, and
// also if the outcome is unknown.
func ExampleOpenAI() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	rotation, err := client.Rotate(ctx, "openai-gpt4", vaultkit.NewKey(os.Getenv("NEW_KEY")),
		vaultkit.WithVerify(verify.OpenAI()))
	switch {
	case errors.Is(err, verify.ErrRejected):
		log.Fatal("make another key: ", err)
	case errors.Is(err, verify.ErrUnknown):
		log.Fatal("nothing was changed, try again later: ", err)
	case err != nil:
		log.Fatal(err)
	}
	fmt.Println(rotation.ID)
}

// An unknown outcome is logged, and does not stop the rotation.
func ExampleAllowUnknown() {
	api := newAPI("sk-example-good")
	api.Close() // it cannot be reached

	logged := verify.AllowUnknown(func(err error) { fmt.Println("not verified:", errors.Is(err, verify.ErrUnknown)) })
	verifier := verify.Compatible(api.URL, verify.Wait(0), logged)
	fmt.Println(verifier(context.Background(), vaultkit.Target{}, vaultkit.ProviderKeys{"api_key": "sk-example-good"}))
	// Output:
	// not verified: true
	// <nil>
}

// DeepSeek has a free request for the balance of the account.
func ExampleEndpoint() {
	deepSeek := verify.Endpoint{URL: "https://api.deepseek.com/user/balance"}
	option := vaultkit.WithVerify(deepSeek.Verifier())
	fmt.Println(option != nil)
	// Output: true
}
