package vaultkit_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"goblin/vaultkit"
)

// A child process gets the keys of one provider, and nothing of Vault.
func ExampleClient_Environ() {
	client := exampleClient()
	defer client.Close()

	environ, err := client.Environ(context.Background(), vaultkit.EnvQuery{Providers: []string{"local-llama"}})
	if err != nil {
		log.Fatal(err)
	}
	child := exec.Command("/usr/bin/env") // your program
	child.Env = environ
	out, err := child.Output()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(out))
	// Output:
	// LOCAL_LLAMA_API_KEY=demo
	// LOCAL_LLAMA_API_SECRET=demo
}

// A program whose libraries look for their keys in the environment loads them first
// of all.
func ExampleClient_LoadEnv() {
	client := exampleClient()
	defer client.Close()

	names, err := client.LoadEnv(context.Background(), vaultkit.EnvQuery{Providers: []string{"openai-gpt4"}, Prefix: "APP_"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(names)
	fmt.Println("a key of", len(os.Getenv("APP_OPENAI_GPT4_API_KEY")), "characters")
	// Output:
	// [APP_OPENAI_GPT4_API_KEY APP_OPENAI_GPT4_ORGANIZATION]
	// a key of 15 characters
}

// For development: a file for `source .env.vault`, which only its owner can read.
func ExampleClient_WriteEnvFile() {
	client := exampleClient()
	defer client.Close()
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	path := filepath.Join(dir, ".env.vault")
	names, err := client.WriteEnvFile(context.Background(), path, vaultkit.EnvSh, vaultkit.EnvQuery{Providers: []string{"local-llama"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("wrote", strings.Join(names, " and "))
	// Output: wrote LOCAL_LLAMA_API_KEY and LOCAL_LLAMA_API_SECRET
}

// In a job of GitHub Actions: the values are masked first, then later steps find them
// in their environment.
func ExampleEnvQuery_masks() {
	client := exampleClient()
	defer client.Close()

	environ, err := client.Environ(context.Background(), vaultkit.EnvQuery{Providers: []string{"local-llama"}, Masks: os.Stdout})
	if err != nil {
		log.Fatal(err)
	}
	if err := vaultkit.EncodeEnv(os.Stdout, vaultkit.EnvSh, environ); err != nil {
		log.Fatal(err)
	}
	// Output:
	// ::add-mask::demo
	// export LOCAL_LLAMA_API_KEY='demo';
	// export LOCAL_LLAMA_API_SECRET='demo';
}
