package kv

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// Metadata is the metadata of an entry.
type Metadata struct {
	Current  int
	Oldest   int
	Created  time.Time
	Custom   map[string]string
	Versions map[int]time.Time // created_time of each version not pruned yet
	// MaxVersions is how many versions Vault keeps, if the mount does not keep more; 0: the
	// mount's setting counts.
	MaxVersions int

	// Deletion is when the current version was or will be deleted (zero: never). Destroyed tells
	// whether it was destroyed.
	Deletion  time.Time
	Destroyed bool

	DeleteVersionAfter time.Duration // for new versions; 0: the mount's setting counts
}

type metadataResponse struct {
	Data struct {
		Current  int               `json:"current_version"`
		Oldest   int               `json:"oldest_version"`
		Created  time.Time         `json:"created_time"`
		Custom   map[string]string `json:"custom_metadata"`
		After    string            `json:"delete_version_after"`
		Max      int               `json:"max_versions"`
		Versions map[string]struct {
			Created   time.Time `json:"created_time"`
			Deletion  string    `json:"deletion_time"`
			Destroyed bool      `json:"destroyed"`
		} `json:"versions"`
	} `json:"data"`
}

// Metadata reads an entry's metadata. It returns ErrNotFound if there is none. It needs "read"
// on metadata/.
func (s *Store) Metadata(ctx context.Context, entry EntryName) (Metadata, error) {
	path, err := s.layout.Metadata(entry)
	if err != nil {
		return Metadata{}, err
	}
	var decoded metadataResponse
	if err := s.get(ctx, path, "read", nil, &decoded); err != nil {
		return Metadata{}, err
	}
	data := decoded.Data
	if data.Created.IsZero() || data.Current < 0 {
		return Metadata{}, unexpectedResponse(path, "the response is not the metadata of an entry")
	}
	meta := Metadata{Current: data.Current, Oldest: data.Oldest, Created: data.Created, Custom: data.Custom, MaxVersions: data.Max,
		Versions: make(map[int]time.Time, len(data.Versions))}
	if after, err := time.ParseDuration(data.After); err == nil { // an invalid value is ignored, because nothing depends on it
		meta.DeleteVersionAfter = after
	}
	for text, version := range data.Versions {
		number, err := strconv.Atoi(text)
		if err != nil || strconv.Itoa(number) != text {
			return Metadata{}, unexpectedResponse(path, "the response has a version that is not a number")
		}
		meta.Versions[number] = version.Created
		if number == meta.Current {
			meta.Deletion, meta.Destroyed = parseTime(version.Deletion), version.Destroyed
		}
	}
	return meta, nil
}

// PutCustomMetadata replaces an entry's custom metadata and nothing else. The request is sent
// once. It needs "update" on metadata/ for an existing entry.
func (s *Store) PutCustomMetadata(ctx context.Context, entry EntryName, custom map[string]string) error {
	path, err := s.layout.Metadata(entry)
	if err != nil {
		return err
	}
	return s.put(ctx, path, "update", map[string]any{"custom_metadata": custom}, nil)
}

// PatchCustomMetadata sets and removes names in an entry's custom metadata and keeps the
// others. The request is sent once. It needs "patch" on metadata/.
func (s *Store) PatchCustomMetadata(ctx context.Context, entry EntryName, set map[string]string, remove ...string) error {
	path, err := s.layout.Metadata(entry)
	if err != nil {
		return err
	}
	custom := make(map[string]any, len(set)+len(remove))
	for _, name := range remove {
		custom[name] = nil
	}
	for name, value := range set {
		custom[name] = value
	}
	return s.do(ctx, path, "patch", func(ctx context.Context, c *api.Client) error {
		_, err := c.Logical().JSONMergePatch(ctx, path, map[string]any{"custom_metadata": custom})
		return err
	})
}

// Delete removes an entry with all its versions. A missing entry is not an error. The request
// is sent once. It needs "delete" on metadata/.
func (s *Store) Delete(ctx context.Context, entry EntryName) error {
	path, err := s.layout.Metadata(entry)
	if err != nil {
		return err
	}
	return s.do(ctx, path, "delete", func(ctx context.Context, c *api.Client) error {
		_, err := c.Logical().DeleteWithContext(ctx, path)
		return err
	})
}

// List returns the names in a directory, those of folders with a trailing slash. A missing
// directory is empty. It needs "list" on metadata/<dir>/.
func (s *Store) List(ctx context.Context, dir EntryName) ([]string, error) {
	path, err := s.layout.List(dir)
	if err != nil {
		return nil, err
	}
	var decoded struct {
		Data struct {
			Keys []string `json:"keys"`
		} `json:"data"`
	}
	// Vault and its policies treat this GET as the method LIST.
	err = s.get(ctx, path, "list", url.Values{"list": {"true"}}, &decoded)
	switch {
	case errors.Is(err, vaulterr.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case decoded.Data.Keys == nil:
		return nil, unexpectedResponse(path, "the response has no list")
	}
	return decoded.Data.Keys, nil
}
