package vaultkitvar

import (
	"context"
	"os"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulttest"
)

func TestMain(m *testing.M) { vaulttest.MainWith(m, stage, func() error { return nil }) }

// stage prepares the example: the environment of a program, and its key in Vault.
func stage(server vaulttest.Vault) {
	must(os.Setenv("VAULT_ADDR", server.Addr()))
	must(os.Setenv("VAULT_TOKEN", server.RootToken()))
	root, err := api.NewClient(api.DefaultConfig())
	must(err)
	defer root.CloneConfig().HttpClient.CloseIdleConnections()
	_, err = root.KVv2(vaulttest.Mount).Put(context.Background(), vaulttest.Base+"/providers/openai-gpt4",
		map[string]any{"api_key": "fake-openai-key"})
	must(err)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
