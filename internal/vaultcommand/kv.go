package vaultcommand

import (
	"context"
	"encoding/json"
	"os"
	"strconv"
	"strings"

	"github.com/hashicorp/vault/api"
)

func (v *invocation) putSecret(ctx context.Context) error {
	data, err := data(v.args[1:])
	if err != nil {
		return err
	}
	mount, path, _ := strings.Cut(v.args[0], "/")
	_, err = v.KVv2(mount).Put(ctx, path, data)
	return err
}

func (v *invocation) getSecret(ctx context.Context) error {
	mount, path, _ := strings.Cut(v.args[0], "/")
	secret, err := v.KVv2(mount).Get(ctx, path)
	if err != nil {
		return err
	}
	return printLine(secret.Data[v.field])
}

func (v *invocation) undelete(ctx context.Context) error {
	version, err := strconv.Atoi(v.versions)
	if err != nil {
		return err
	}
	return v.KVv2(v.mount).Undelete(ctx, v.args[0], []int{version})
}

func (v *invocation) enableVersioning(ctx context.Context) error {
	input := api.TuneMountConfigInput{Options: &map[string]string{"version": "2"}}
	return v.Sys().TuneMountAllowNilWithContext(ctx, strings.TrimSuffix(v.args[0], "/"), input)
}

// data parses name=value, name=@file, name=\@value and - (JSON on stdin). A repeated name is a list.
func data(args []string) (map[string]any, error) {
	found := map[string]any{}
	if len(args) == 1 && args[0] == "-" {
		return found, json.NewDecoder(os.Stdin).Decode(&found)
	}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		if path, isFile := strings.CutPrefix(value, "@"); isFile {
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			value = string(text)
		} else if strings.HasPrefix(value, `\@`) {
			value = value[1:]
		}
		if before, has := found[name]; has {
			found[name] = []any{before, value}
		} else {
			found[name] = value
		}
	}
	return found, nil
}
