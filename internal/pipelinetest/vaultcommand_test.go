package pipelinetest

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	kvbuilder "github.com/hashicorp/go-secure-stdlib/kv-builder"
	"github.com/hashicorp/vault/api"
)

// vaultCommand is the part of the vault command that vault-setup.sh uses. It uses the official
// client and the argument parser of the real one.
func vaultCommand(args []string) int {
	if err := vaultDo(context.Background(), args); err != nil {
		fmt.Fprintln(os.Stderr, "vault:", err)
		return 2
	}
	return 0
}

func vaultDo(ctx context.Context, args []string) error {
	client, err := api.NewClient(nil) // VAULT_ADDR, VAULT_TOKEN
	if err != nil {
		return err
	}
	switch two := strings.Join(args[:min(2, len(args))], " "); {
	case slices.Equal(args, []string{"auth", "list", "-format=json"}):
		return vaultAuthList(ctx, client)
	case two == "auth enable":
		return vaultAuthEnable(ctx, client, args[2:])
	case two == "auth disable" && len(args) == 3:
		return client.Sys().DisableAuthWithContext(ctx, args[2])
	case two == "policy write" && len(args) == 4 && args[3] == "-":
		text, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		return client.Sys().PutPolicyWithContext(ctx, args[2], string(text))
	case len(args) > 2 && args[0] == "write":
		return vaultWrite(ctx, client, args[1], args[2:])
	}
	return errors.New("the tests' vault does not know this command")
}

func vaultAuthList(ctx context.Context, client *api.Client) error {
	mounts, err := client.Sys().ListAuthWithContext(ctx)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(mounts)
}

func vaultAuthEnable(ctx context.Context, client *api.Client, args []string) error {
	flags := flag.NewFlagSet("auth enable", flag.ContinueOnError)
	path := flags.String("path", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return client.Sys().EnableAuthWithOptionsWithContext(ctx, *path, &api.EnableAuthOptions{Type: flags.Arg(0)})
}

func vaultWrite(ctx context.Context, client *api.Client, path string, pairs []string) error {
	builder := &kvbuilder.Builder{Stdin: os.Stdin}
	if err := builder.Add(pairs...); err != nil {
		return err
	}
	_, err := client.Logical().WriteWithContext(ctx, path, builder.Map())
	return err
}
