package kv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"goblin/vaultkit/internal/vaulterr"
)

// Mount is what Vault says of a mount.
type Mount struct {
	Path    string // without slashes around it
	Type    string
	Version string // of a KV engine
}

// CheckMount makes sure that the mount is KV version 2: on a v1 mount the paths
// of v2 seem to work, and overwrite. Needs any right below the mount.
func (s *Store) CheckMount(ctx context.Context) error {
	mount, err := s.Mount(ctx)
	if err != nil {
		return err
	}
	return s.ValidateMount(mount)
}

// Mount asks what is mounted there. Needs any right below the mount.
func (s *Store) Mount(ctx context.Context) (Mount, error) {
	var decoded struct {
		Data struct {
			Path    string            `json:"path"`
			Type    string            `json:"type"`
			Options map[string]string `json:"options"`
		} `json:"data"`
	}
	err := s.get(ctx, "sys/internal/ui/mounts/"+s.layout.Mount, "read", nil, &decoded)
	if errors.Is(err, vaulterr.ErrPermissionDenied) {
		err = s.explainDeniedMount(ctx)
	}
	return Mount{strings.Trim(decoded.Data.Path, "/"), decoded.Data.Type, decoded.Data.Options["version"]}, err
}

// Fits refuses a mount that is not the store's, or not KV version 2.
func (s *Store) ValidateMount(mount Mount) error {
	failed := &vaulterr.Error{Path: s.layout.Mount, Kind: vaulterr.ErrNotKVv2}
	switch {
	case mount.Path != s.layout.Mount:
		failed.Kind = vaulterr.ErrMountNotFound
		failed.Detail = fmt.Sprintf("the mount there is %q, and what follows belongs to the base path", mount.Path+"/")
	case mount.Type != "kv" && mount.Type != "generic":
		failed.Detail = "a mount of type " + mount.Type
	case mount.Version != "2":
		failed.Detail = "a KV version 1 mount"
	default:
		return nil
	}
	return failed
}

// whyNoMount tells a missing mount from a token without rights: Vault refuses
// both alike on the mounts endpoint, but not below the mount.
func (s *Store) explainDeniedMount(ctx context.Context) error {
	_, err := s.List(ctx, Key{"providers"})
	if errors.Is(err, vaulterr.ErrMountNotFound) {
		return err
	}
	return &vaulterr.Error{
		Path: s.layout.Mount + "/", Kind: vaulterr.ErrPermissionDenied, Err: err,
		Detail: "the token has no right below this mount, or the mount does not exist",
		Hint:   "check the mount's name and the policy of the token's role",
	}
}

// Need is a right on an entry that a verb is about to use.
type PathCapability struct {
	Key        Key
	Endpoint   string // "data" or "metadata"
	Capability string
}

// CheckCapabilities asks Vault, in one request for each hundred, whether the token has every
// right a verb is about to use; the first missing one is an
// ErrPermissionDenied. A token that may not ask is taken at its word.
func (s *Store) CheckCapabilities(ctx context.Context, required []PathCapability) error {
	paths := make([]string, len(required))
	for i, capability := range required {
		path, err := s.capabilityPath(capability)
		if err != nil {
			return err
		}
		paths[i] = path
	}
	granted, err := s.Capabilities(ctx, paths)
	switch {
	case errors.Is(err, vaulterr.ErrPermissionDenied):
		return nil
	case err != nil:
		return err
	}
	for i, capability := range required {
		granted := granted[paths[i]]
		if !slices.Contains(granted, capability.Capability) && !slices.Contains(granted, "root") {
			return &vaulterr.Error{Path: paths[i], Kind: vaulterr.ErrPermissionDenied, Capability: capability.Capability}
		}
	}
	return nil
}

// needPath is the path whose capabilities tell: LIST needs its right on the
// directory, with the slash.
func (s *Store) capabilityPath(capability PathCapability) (string, error) {
	if capability.Capability == "list" {
		return s.layout.List(capability.Key)
	}
	return s.layout.path(capability.Endpoint, capability.Key)
}

// Granted reports that Vault confirms a right. A token that may not ask has none
// confirmed.
func (s *Store) HasCapability(ctx context.Context, capability PathCapability) bool {
	path, err := s.capabilityPath(capability)
	if err != nil {
		return false
	}
	granted, err := s.Capabilities(ctx, []string{path})
	return err == nil && slices.Contains(granted[path], capability.Capability)
}

// capabilityBatch is how many paths are asked for at once: OpenBao refuses a request with
// too many strings.
const capabilityBatch = 100

// Capabilities asks what the token may do at each path, in batches.
func (s *Store) Capabilities(ctx context.Context, paths []string) (map[string][]string, error) {
	unique := slices.Compact(slices.Sorted(slices.Values(paths)))
	granted := make(map[string][]string, len(unique))
	for batch := range slices.Chunk(unique, capabilityBatch) {
		if err := s.addCapabilities(ctx, batch, granted); err != nil {
			return nil, err
		}
	}
	return granted, nil
}

// addCapabilities asks for a batch. A write in HTTP, a read in effect: it is sent again
// like one.
func (s *Store) addCapabilities(ctx context.Context, paths []string, granted map[string][]string) error {
	const path = "sys/capabilities-self"
	var decoded struct {
		Data map[string]json.RawMessage `json:"data"`
	}
	err := s.retryRead(ctx, func() error { return s.put(ctx, path, "update", map[string]any{"paths": paths}, &decoded) })
	if err != nil {
		return err
	}
	for path, list := range decoded.Data {
		var names []string
		if json.Unmarshal(list, &names) == nil { // else it is about no path
			granted[path] = names
		}
	}
	return nil
}
