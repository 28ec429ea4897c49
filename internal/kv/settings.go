package kv

import (
	"context"
	"time"
)

// Settings are a mount's settings for its entries.
type Settings struct {
	MaxVersions        int // 0: Vault's default, 10
	CASRequired        bool
	MetadataCAS        bool          // OpenBao only: a change of metadata needs the number of the state that it changes
	DeleteVersionAfter time.Duration // 0: the entry's setting counts; negative: never, and the entry's setting is ignored
}

// Settings reads the mount's settings. It needs "read" on config, which no role of vaultkit
// has.
func (s *Store) Settings(ctx context.Context) (Settings, error) {
	var decoded struct {
		Data struct {
			MaxVersions        int    `json:"max_versions"`
			CASRequired        bool   `json:"cas_required"`
			MetadataCAS        bool   `json:"metadata_cas_required"`
			DeleteVersionAfter string `json:"delete_version_after"`
		} `json:"data"`
	}
	path := s.layout.Mount + "/config"
	if err := s.get(ctx, path, "read", nil, &decoded); err != nil {
		return Settings{}, err
	}
	after, err := time.ParseDuration(decoded.Data.DeleteVersionAfter)
	if err != nil {
		return Settings{}, unexpectedResponse(path, "delete_version_after is not a duration")
	}
	return Settings{decoded.Data.MaxVersions, decoded.Data.CASRequired, decoded.Data.MetadataCAS, after}, nil
}
