// Package kvpath reads the secrets of another path in Vault, of KV version 1 or 2.
package kvpath

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
)

// Secret is one secret. Its fields are as Vault has them.
type Secret struct {
	Name   string // below the path; empty: the secret at the path itself
	Fields map[string]any
}

// Format prints the name, without a value, under every verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.Name) }

// Found is what is at a path.
type Found struct {
	Secrets []Secret
	Folders []string // below the path; they are not read
	Deleted []string // secrets whose current version is deleted
}

// Read reads the secrets below a path such as secret/old/providers, or, if there are none, the
// secret at the path itself. The path begins with the mount, as for vault kv get. The token needs
// "read", and "list" to find what is below.
func Read(ctx context.Context, client *api.Client, path string) (*Found, error) {
	path = strings.Trim(path, "/")
	if err := check(path); err != nil {
		return nil, err
	}
	r := &reader{client: client}
	if err := r.findMount(ctx, path); err != nil {
		return nil, err
	}
	names, listErr := r.list(ctx)
	if listErr != nil && !errors.Is(listErr, vaultkit.ErrPermissionDenied) {
		return nil, listErr
	}
	found, err := r.readAll(ctx, names)
	if listErr != nil && (err != nil || len(found.Secrets) == 0) {
		return nil, listErr // there may be secrets below the path
	}
	return found, err
}

func check(path string) error {
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." {
			return &vaultkit.Error{Kind: vaultkit.ErrInvalid, Detail: "the path to import from is not like MOUNT/PATH"}
		}
	}
	return nil
}

// reader reads below one path of one mount.
type reader struct {
	client      *api.Client
	mount, path string // the path is below the mount
	versioned   bool   // KV version 2
}

// findMount asks which mount the path belongs to, and for its version, as the vault command does.
func (r *reader) findMount(ctx context.Context, path string) error {
	const endpoint = "sys/internal/ui/mounts/"
	about, err := r.client.Logical().ReadWithContext(ctx, endpoint+path)
	if err != nil {
		return translate(err, path, "read")
	}
	if about == nil {
		about = &api.Secret{}
	}
	mount, _ := about.Data["path"].(string)
	kind, _ := about.Data["type"].(string)
	options, _ := about.Data["options"].(map[string]any)
	if mount = strings.Trim(mount, "/"); !strings.HasPrefix(path+"/", mount+"/") || kind != "kv" && kind != "generic" {
		return &vaultkit.Error{Kind: vaultkit.ErrInvalid, Path: path, Detail: "the path to import from is not in a KV mount"}
	}
	r.mount, r.path = mount, strings.Trim(strings.TrimPrefix(path, mount), "/")
	r.versioned = options["version"] == "2"
	return nil
}

// at returns the API path of a secret below the path, or of the path itself.
func (r *reader) at(endpoint, name string) string {
	parts := []string{r.mount}
	if r.versioned {
		parts = append(parts, endpoint)
	}
	return strings.Join(slices.DeleteFunc(append(parts, r.path, name), func(part string) bool { return part == "" }), "/")
}

func (r *reader) list(ctx context.Context) (names []string, err error) {
	path := r.at("metadata", "") + "/"
	listed, err := r.client.Logical().ListWithContext(ctx, path)
	if err != nil {
		return nil, translate(err, path, "list")
	}
	if listed == nil {
		return nil, nil
	}
	keys, _ := listed.Data["keys"].([]any)
	for _, key := range keys {
		// The client would turn .. into another path.
		if name, ok := key.(string); ok && check(strings.TrimSuffix(name, "/")) == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// readAll reads these names, or the path itself if there are none.
func (r *reader) readAll(ctx context.Context, names []string) (*Found, error) {
	found := &Found{}
	if len(names) == 0 {
		if r.path == "" {
			return found, nil
		}
		names = []string{""}
	}
	for _, name := range names {
		if strings.HasSuffix(name, "/") {
			found.Folders = append(found.Folders, name)
			continue
		}
		fields, deleted, err := r.read(ctx, name)
		switch {
		case err != nil:
			return nil, err
		case deleted:
			found.Deleted = append(found.Deleted, name)
		case fields != nil:
			found.Secrets = append(found.Secrets, Secret{name, fields})
		}
	}
	return found, nil
}

// read returns the fields of a secret; nil: there is none.
func (r *reader) read(ctx context.Context, name string) (fields map[string]any, deleted bool, err error) {
	path := r.at("data", name)
	secret, err := r.client.Logical().ReadWithContext(ctx, path)
	if err != nil || secret == nil {
		return nil, false, translate(err, path, "read")
	}
	if !r.versioned {
		return secret.Data, false, nil
	}
	fields, _ = secret.Data["data"].(map[string]any)
	return fields, fields == nil, nil
}

// translate returns an error of vaultkit. It repeats nothing of the response, which a proxy may
// have written.
func translate(err error, path, capability string) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	failed := &vaultkit.Error{Kind: vaultkit.ErrUnavailable, Path: path, Detail: "the path to import from cannot be read"}
	if known, ok := errors.AsType[*vaultkit.Error](err); ok {
		failed.Kind = known.Kind
	}
	if response, ok := errors.AsType[*api.ResponseError](err); ok {
		failed.Detail = fmt.Sprintf("%s, Vault responds with status %d", failed.Detail, response.StatusCode)
		switch response.StatusCode {
		case 400, 404, 405:
			failed.Kind, failed.Hint = vaultkit.ErrInvalid, "check the path"
		case 403:
			failed.Kind, failed.Capability = vaultkit.ErrPermissionDenied, capability
			failed.Hint = "check the path; the token needs list and read there, besides the rights of vaultkit's roles"
		}
	}
	return failed
}
