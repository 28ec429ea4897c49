package authmethodtest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"goblin/vaultkit/internal/vaulttest"
)

const binary = "VAULTKIT_VAULT_BIN" // of another Vault, which has userpass

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "vaultkit-authmethods-")
	if err == nil && os.Getenv(binary) == "" {
		err = buildServer(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	vaulttest.MainWith(m, func(vaulttest.Vault) {}, func() error { return os.RemoveAll(dir) })
}

const serverModule = "../devvault/server"

// addition is the file that adds userpass to the server of the tests.
const addition = `package main

import "github.com/hashicorp/vault/builtin/credential/userpass"

func init() { credentialBackends["userpass"] = userpass.Factory }
`

// requirements are the modules that only userpass needs. The server's go.sum has them already.
const requirements = `
require (
	github.com/hashicorp/go-secure-stdlib/password v0.1.4 // indirect
	golang.org/x/term v0.38.0 // indirect
)
`

// buildServer builds the server of the tests with the auth method userpass. The addition is an
// overlay, and the flags are those of devvault, so only what userpass adds has to be compiled.
func buildServer(dir string) error {
	server, err := filepath.Abs(serverModule)
	if err != nil {
		return err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(server, "userpass.go"): filepath.Join(dir, "userpass.go"),
	}})
	if err != nil {
		return err
	}
	module, err := os.ReadFile(filepath.Join(server, "go.mod"))
	if err != nil {
		return err
	}
	sums, err := os.ReadFile(filepath.Join(server, "go.sum"))
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		"userpass.go": addition, "overlay.json": string(overlay), "go.mod": string(module) + requirements, "go.sum": string(sums),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	program := filepath.Join(dir, "vault")
	build := exec.CommandContext(context.Background(), "go", "build", "-C", server, "-trimpath", "-buildvcs=false", "-ldflags", "-s -w",
		"-modfile", filepath.Join(dir, "go.mod"), "-overlay", filepath.Join(dir, "overlay.json"), "-o", program, ".")
	build.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the server with userpass: %w\n%s", err, out)
	}
	return os.Setenv(binary, program)
}
