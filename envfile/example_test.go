package envfile_test

import (
	"log"
	"os"

	"goblin/vaultkit/envfile"
)

// A script of fish reads the variables with: vaultkit-variables | source
func ExampleEncode() {
	environ := []string{"OPENAI_GPT4_API_KEY=it's a key", "OPENAI_GPT4_ORGANIZATION=goblin"}
	if err := envfile.Encode(os.Stdout, envfile.Fish, environ); err != nil {
		log.Fatal(err)
	}
	// Output:
	// set --global --export --unpath OPENAI_GPT4_API_KEY 'it\'s a key';
	// set --global --export --unpath OPENAI_GPT4_ORGANIZATION 'goblin';
}
