package vaulttest

import (
	"context"
	"os"

	"github.com/hashicorp/vault/api"
)

// SetEnvironment gives this program the address and the root token of a server. It is for MainWith: the
// Examples of a package connect with their environment.
func SetEnvironment(server Vault) {
	Must(os.Setenv("VAULT_ADDR", server.Addr()))
	Must(os.Setenv("VAULT_TOKEN", server.RootToken()))
}

// StageExample sets the environment, and stores the key of openai-gpt4.
func StageExample(server Vault) {
	SetEnvironment(server)
	root, err := api.NewClient(api.DefaultConfig())
	Must(err)
	defer root.CloneConfig().HttpClient.CloseIdleConnections()
	_, err = root.KVv2(Mount).Put(context.Background(), Base+"/providers/openai-gpt4", map[string]any{"api_key": "fake-openai-key"})
	Must(err)
}
