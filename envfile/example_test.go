package envfile_test

import (
	"fmt"
	"log"
	"os"

	"goblin/vaultkit/envfile"
)

// A fish script reads the output of this program with: my-program | source
func ExampleEncode() {
	environ := []string{"OPENAI_GPT4_API_KEY=it's a key", "OPENAI_GPT4_ORGANIZATION=goblin"}
	if err := envfile.Encode(os.Stdout, envfile.Fish, environ); err != nil {
		log.Fatal(err)
	}
	// Output:
	// set --global --export --unpath OPENAI_GPT4_API_KEY 'it\'s a key';
	// set --global --export --unpath OPENAI_GPT4_ORGANIZATION 'goblin';
}

// The name of a field's variable does not depend on Vault.
func ExampleName() {
	for _, prefix := range []string{"", "APP_"} {
		name, err := envfile.Name(prefix, "openai-gpt4", "api_key")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(name)
	}
	// Output:
	// OPENAI_GPT4_API_KEY
	// APP_OPENAI_GPT4_API_KEY
}
