package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/vault/api"
)

// vaultCommand is the part of the vault command that setup prints, made from the official client,
// because not every machine that runs the tests has the command.
func vaultCommand(args []string) int {
	client, err := api.NewClient(nil) // VAULT_ADDR, VAULT_TOKEN
	if err == nil {
		err = (&vaultCLI{client, context.Background()}).run(args)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "vault:", err)
		return 2
	}
	return 0
}

type vaultCLI struct {
	*api.Client
	ctx context.Context
}

func (v *vaultCLI) run(args []string) error {
	flags := flag.NewFlagSet("vault", flag.ContinueOnError)
	path, version, field := flags.String("path", "", ""), flags.String("version", "", ""), flags.String("field", "", "")
	wrapTTL, _ := flags.String("wrap-ttl", "", ""), flags.Bool("f", false, "")
	words := min(2, len(args))
	if slices.Contains([]string{"read", "write"}, args[0]) {
		words = 1
	}
	if err := flags.Parse(args[words:]); err != nil {
		return err
	}
	switch rest := flags.Args(); strings.Join(args[:words], " ") {
	case "policy write":
		text, err := io.ReadAll(os.Stdin)
		return cmp.Or(err, v.Sys().PutPolicyWithContext(v.ctx, rest[0], string(text)))
	case "secrets enable":
		return v.Sys().MountWithContext(v.ctx, *path, &api.MountInput{Type: rest[0], Options: map[string]string{"version": *version}})
	case "auth enable":
		return v.Sys().EnableAuthWithOptionsWithContext(v.ctx, *path, &api.EnableAuthOptions{Type: rest[0]})
	case "read":
		secret, err := v.Logical().ReadWithContext(v.ctx, rest[0])
		return cmp.Or(err, printField(secret, *field))
	case "write":
		body, err := requestBody(rest[1:])
		if err != nil {
			return err
		}
		v.SetWrappingLookupFunc(func(string, string) string { return *wrapTTL })
		secret, err := v.Logical().WriteWithContext(v.ctx, rest[0], body)
		return cmp.Or(err, printField(secret, *field))
	}
	return errors.New("the tests' vault does not know this command")
}

// requestBody parses name=value, name=@file and - (JSON on stdin). A repeated name is a list.
func requestBody(args []string) (map[string]any, error) {
	body := map[string]any{}
	if len(args) == 1 && args[0] == "-" {
		return body, json.NewDecoder(os.Stdin).Decode(&body)
	}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		if path, isFile := strings.CutPrefix(value, "@"); isFile {
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			value = string(text)
		}
		if before, has := body[name]; has {
			body[name] = []any{before, value}
		} else {
			body[name] = value
		}
	}
	return body, nil
}

func printField(secret *api.Secret, field string) error {
	switch {
	case secret == nil || field == "":
		return nil
	case field == "wrapping_token":
		_, err := fmt.Println(secret.WrapInfo.Token)
		return err
	}
	_, err := fmt.Println(secret.Data[field])
	return err
}
