package kv2

import (
	"time"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/logical"
)

// config holds the mount's settings.
type config struct {
	maxVersions        uint32
	casRequired        bool
	metadataCAS        bool // required, on OpenBao
	deleteVersionAfter time.Duration
}

// never switches delete_version_after off for all keys of the mount.
const never = -time.Second

func (c config) neverDelete() bool { return c.deleteVersionAfter == never }

func (e *Engine) readConfig(*logical.Request, endpoint.Params) (*logical.Response, error) {
	settings := map[string]any{
		"max_versions": e.config.maxVersions, "cas_required": e.config.casRequired,
		"delete_version_after": e.config.deleteVersionAfter.String(),
	}
	if e.bao {
		settings["metadata_cas_required"] = e.config.metadataCAS
	}
	return response(settings), nil
}

func (e *Engine) writeConfig(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	if p.Has("max_versions") {
		e.config.maxVersions = uint32(p.Int("max_versions")) //nolint:gosec // as Vault does
	}
	if p.Has("cas_required") {
		e.config.casRequired = p.Bool("cas_required")
	}
	if p.Has("metadata_cas_required") {
		e.config.metadataCAS = p.Bool("metadata_cas_required")
	}
	if p.Has("delete_version_after") {
		e.config.deleteVersionAfter = max(never, p.Duration("delete_version_after"))
	}
	return nil, nil
}
