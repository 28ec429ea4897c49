package setup

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/connection"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// kvMount returns the KV version 2 mount.
func (s *Spec) kvMount() *object {
	mount := cmp.Or(s.Mount, connection.DefaultMount)
	o := &object{
		kind: "KV mount", name: mount, path: mountsPath + "/" + mount, listed: true,
		fields:  []field{{name: "type", value: "kv"}, {name: "options", value: claims{"version": {"2"}}}},
		command: "vault secrets enable -path=" + terminal.ShellWord(mount) + " -version=2 kv",
	}
	o.read = func(_ context.Context, server *server) (map[string]any, error) {
		return findMount(server.kv, mount)
	}
	o.inspect = func(current map[string]any) (string, error) { return "", checkKV(mount, current) }
	return o
}

// findMount returns a mount in a list; nil: it is not there. Vault allows no mount below another.
func findMount(list map[string]any, mount string) (map[string]any, error) {
	if found, ok := list[mount+"/"].(map[string]any); ok {
		return found, nil
	}
	for _, other := range slices.Sorted(maps.Keys(list)) {
		if strings.HasPrefix(mount+"/", other) || strings.HasPrefix(other, mount+"/") {
			return nil, &vaultkit.Error{Path: mount, Kind: vaultkit.ErrInvalid,
				Detail: fmt.Sprintf("there cannot be a mount at this path, because there is one at %s", terminal.Printable(other)),
				Hint:   "choose another path"}
		}
	}
	return nil, nil
}

// checkKV refuses a mount that is not KV version 2.
func checkKV(mount string, current map[string]any) error {
	failed := &vaultkit.Error{Path: mount, Kind: vaultkit.ErrNotKVv2}
	switch kind := asText(current["type"]); {
	case kind != "kv" && kind != "generic":
		failed.Detail = "the mount is of type " + terminal.Printable(kind)
	case asText(asMap(current["options"])["version"]) != "2":
		failed.Detail = "the mount is KV version 1"
	default:
		return nil
	}
	return failed
}

// authMount returns an auth mount. pathFlag is the flag that names it; others are further types
// that serve the same logins.
func authMount(mount, kind, pathFlag string, others ...string) *object {
	o := &object{
		kind: "auth mount", name: mount, path: authsPath + "/" + mount, listed: true, sudo: true,
		fields:  []field{{name: "type", value: kind}},
		command: "vault auth enable -path=" + terminal.ShellWord(mount) + " " + kind,
	}
	o.read = func(_ context.Context, server *server) (map[string]any, error) {
		return findMount(server.auth, mount)
	}
	o.inspect = func(current map[string]any) (string, error) {
		if is := asText(current["type"]); is != kind && !slices.Contains(others, is) {
			return "", &vaultkit.Error{Path: o.path, Kind: vaultkit.ErrInvalid,
				Detail: fmt.Sprintf("the auth mount %s is of type %s, not %s", mount, terminal.Printable(is), kind),
				Hint:   "name another path with " + pathFlag}
		}
		return "", nil
	}
	return o
}

// authConfig completes the config of an auth mount. One that is there stays as it is unless a flag
// says otherwise, because others may log in with it.
func authConfig(mount string, o *object) *object {
	o.kind, o.name, o.path = "config of the auth mount", mount, authPath(mount, "config")
	o.read = func(ctx context.Context, server *server) (map[string]any, error) {
		if !server.hasAuth(mount) {
			return nil, nil
		}
		return o.readPath(ctx, server)
	}
	return o
}

// authRole returns a role of an auth mount.
func authRole(kind, mount, name string, fields []field) *object {
	o := &object{kind: kind, name: name, path: authPath(mount, "role", name), creates: true, fields: fields}
	o.read = func(ctx context.Context, server *server) (map[string]any, error) {
		if !server.hasAuth(mount) {
			return nil, nil
		}
		return o.readPath(ctx, server)
	}
	return o
}
