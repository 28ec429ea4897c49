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

// Mount is what Vault reports about a mount.
type Mount struct {
	Path    string // without slashes around it
	Type    string
	Version string // of a KV engine
}

// CheckMount checks that the mount is KV version 2. On a version 1 mount, writes to the paths
// of version 2 seem to succeed, and overwrite. It needs any capability below the mount.
func (s *Store) CheckMount(ctx context.Context) error {
	mount, err := s.Mount(ctx)
	if err != nil {
		return err
	}
	return s.ValidateMount(mount)
}

// Mount reads which mount the store's path belongs to. It needs any capability below the mount.
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

// ValidateMount refuses a mount that is not the store's, or not KV version 2.
func (s *Store) ValidateMount(mount Mount) error {
	failed := &vaulterr.Error{Path: s.layout.Mount, Kind: vaulterr.ErrNotKVv2}
	switch {
	case mount.Path != s.layout.Mount:
		failed.Kind = vaulterr.ErrMountNotFound
		failed.Detail = fmt.Sprintf("the mount at this path is %q; the rest belongs to the base path", mount.Path+"/")
	case mount.Type != "kv" && mount.Type != "generic":
		failed.Detail = "the mount is of type " + mount.Type
	case mount.Version != "2":
		failed.Detail = "the mount is KV version 1"
	default:
		return nil
	}
	return failed
}

// explainDeniedMount finds out whether the mount is missing or the token has no capability.
// Vault denies both on its mounts endpoint. A list below the mount fails differently.
func (s *Store) explainDeniedMount(ctx context.Context) error {
	_, err := s.List(ctx, EntryName{"providers"})
	if errors.Is(err, vaulterr.ErrMountNotFound) {
		return err
	}
	return &vaulterr.Error{
		Path: s.layout.Mount + "/", Kind: vaulterr.ErrPermissionDenied, Err: err,
		Detail: "the token has no capability below this mount, or the mount does not exist",
		Hint:   "check the mount's name and the policy of the token's role",
	}
}

// PathCapability is a capability on an entry.
type PathCapability struct {
	Entry      EntryName
	Endpoint   string // "data" or "metadata"
	Capability string
}

// CheckCapabilities asks Vault whether the token has every required capability, in one request
// for each hundred paths. The first missing one is an ErrPermissionDenied. If the token cannot
// query its own capabilities, CheckCapabilities returns nil.
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

// capabilityPath returns the path to query. LIST needs its capability on the directory, with a
// slash.
func (s *Store) capabilityPath(capability PathCapability) (string, error) {
	if capability.Capability == "list" {
		return s.layout.List(capability.Entry)
	}
	return s.layout.path(capability.Endpoint, capability.Entry)
}

// HasCapability reports whether Vault confirms a capability. It reports false if the token
// cannot query its own capabilities.
func (s *Store) HasCapability(ctx context.Context, capability PathCapability) bool {
	path, err := s.capabilityPath(capability)
	if err != nil {
		return false
	}
	granted, err := s.Capabilities(ctx, []string{path})
	return err == nil && slices.Contains(granted[path], capability.Capability)
}

// capabilityBatch is the number of paths in one request. OpenBao refuses a request with more than
// 1,000 strings.
const capabilityBatch = 100

// Capabilities returns the token's capabilities on each path.
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

// addCapabilities queries one batch. The request is a write in HTTP but changes nothing, so it
// is retried like a read.
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
		if json.Unmarshal(list, &names) == nil { // otherwise it is not a list of capabilities
			granted[path] = names
		}
	}
	return nil
}
