//go:build unix

package docs

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/vault/api"
)

// vaultCommand is the part of the vault command that the pages use, over the official
// client. The real one is not everywhere where tests run.
func vaultCommand(args []string) int {
	client, err := api.NewClient(nil) // VAULT_ADDR, VAULT_TOKEN
	if err == nil {
		err = runVault(context.Background(), client, args)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "vault:", err)
		return 2
	}
	return 0
}

func runVault(ctx context.Context, client *api.Client, args []string) error {
	flags := flag.NewFlagSet("vault", flag.ContinueOnError)
	field := flags.String("field", "", "")
	words := 1
	if args[0] == "kv" {
		words = 2
	}
	if err := flags.Parse(args[words:]); err != nil {
		return err
	}
	switch rest := flags.Args(); strings.Join(args[:words], " ") {
	case "write":
		return writeData(ctx, client, rest[0], rest[1:])
	case "kv put":
		return putSecret(ctx, client, rest[0], rest[1:])
	case "kv get":
		return printField(ctx, client, rest[0], *field)
	}
	return errors.New("the tests' vault does not know this command")
}

func writeData(ctx context.Context, client *api.Client, path string, pairs []string) error {
	_, err := client.Logical().WriteWithContext(ctx, path, fields(pairs))
	return err
}

func putSecret(ctx context.Context, client *api.Client, path string, pairs []string) error {
	mount, name, _ := strings.Cut(path, "/")
	_, err := client.KVv2(mount).Put(ctx, name, fields(pairs))
	return err
}

// fields returns the fields of "name=value" arguments.
func fields(pairs []string) map[string]any {
	data := map[string]any{}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		data[name] = value
	}
	return data
}

// printField prints a field of a secret in KV version 2: "secret/path".
func printField(ctx context.Context, client *api.Client, path, field string) error {
	mount, name, _ := strings.Cut(path, "/")
	secret, err := client.KVv2(mount).Get(ctx, name)
	if err != nil {
		return err
	}
	_, err = fmt.Println(secret.Data[field])
	return err
}
