package kv

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"goblin/vaultkit/internal/vaulterr"
)

// Secret is one version of an entry.
type Secret struct {
	Data    map[string]any // numbers are float64, as Vault stores them
	Version int
	Created time.Time
}

type dataResponse struct {
	Data struct {
		Data     map[string]any `json:"data"`
		Metadata struct {
			Version   int       `json:"version"`
			Created   time.Time `json:"created_time"`
			Destroyed bool      `json:"destroyed"`
		} `json:"metadata"`
	} `json:"data"`
}

// Read returns the newest version. It needs "read" on data/. It returns ErrNotFound for a
// missing entry, and ErrDeleted or ErrDestroyed for a deleted or destroyed version, together
// with a Secret that has the version's number.
func (s *Store) Read(ctx context.Context, entry EntryName) (Secret, error) {
	return s.read(ctx, entry, 0)
}

// ReadVersion returns one version, from 1 on. Vault takes 0 for the newest version.
func (s *Store) ReadVersion(ctx context.Context, entry EntryName, version int) (Secret, error) {
	if version < 1 {
		return Secret{}, vaulterr.Invalid("version %d does not exist: versions start at 1", version)
	}
	return s.read(ctx, entry, version)
}

// read returns the version, or the newest one for 0.
func (s *Store) read(ctx context.Context, entry EntryName, version int) (Secret, error) {
	path, err := s.layout.Data(entry)
	if err != nil {
		return Secret{}, err
	}
	var query url.Values
	if version > 0 {
		query = url.Values{"version": {strconv.Itoa(version)}}
	}
	var decoded dataResponse
	err = s.get(ctx, path, "read", query, &decoded)
	meta := decoded.Data.Metadata
	switch {
	case version > 0 && meta.Version > 0 && meta.Version != version:
		return Secret{}, unexpectedResponse(path, fmt.Sprintf("the response is for version %d, not for version %d", meta.Version, version))
	case errors.Is(err, vaulterr.ErrNotFound) && meta.Version > 0:
		return Secret{Version: meta.Version, Created: meta.Created}, deletedError(err, meta.Version, meta.Destroyed)
	case err != nil:
		return Secret{}, err
	case meta.Version < 1 || meta.Created.IsZero() || decoded.Data.Data == nil:
		// A version 1 mount accepts version 2 paths and returns what was stored there.
		return Secret{}, unexpectedResponse(path, "the response has no version")
	}
	return Secret{Data: decoded.Data.Data, Version: meta.Version, Created: meta.Created}, nil
}

// deletedError turns the error of a plain 404 into that of a deleted version. The entry exists,
// so it is not ErrNotFound.
func deletedError(err error, version int, destroyed bool) error {
	failed, _ := errors.AsType[*vaulterr.Error](err)
	kind := vaulterr.ErrDeleted
	if destroyed {
		kind = vaulterr.ErrDestroyed
	}
	return &vaulterr.Error{Path: failed.Path, Kind: kind, Version: version, Err: failed.Err}
}

// Written is Vault's acknowledgement of a write.
type Written struct {
	Version   int
	Created   time.Time
	Expires   time.Time // when the version will be deleted; zero: never
	RequestID string    // as in the logs of Vault's audit devices
}

type writeRequest struct {
	Data    any `json:"data"`
	Options struct {
		CAS int `json:"cas"`
	} `json:"options"`
}

type writeResponse struct {
	RequestID string `json:"request_id"`
	Data      struct {
		Version  int       `json:"version"`
		Created  time.Time `json:"created_time"`
		Deletion string    `json:"deletion_time"`
	} `json:"data"`
}

// Write stores data as version cas+1 if cas is the newest version. With cas 0 the entry must
// not exist. The request is sent exactly once. It needs "create" for a new entry and "update"
// otherwise. ErrConflict means that the check-and-set failed. vaulterr.MaybeApplied reports the
// errors after which the write may have been applied.
func (s *Store) Write(ctx context.Context, entry EntryName, cas int, data any) (Written, error) {
	path, err := s.layout.Data(entry)
	if err != nil {
		return Written{}, err
	}
	capability := "update"
	if cas == 0 {
		capability = "create"
	}
	request, decoded := writeRequest{Data: data}, writeResponse{}
	request.Options.CAS = cas
	if err := s.put(ctx, path, capability, request, &decoded); err != nil {
		return Written{}, err
	}
	if decoded.RequestID == "" || decoded.Data.Version != cas+1 { // from a proxy or a version 1 mount
		return Written{}, unexpectedResponse(path, fmt.Sprintf("the response to a write is not for version %d", cas+1))
	}
	return Written{Version: cas + 1, Created: decoded.Data.Created.UTC(), Expires: parseTime(decoded.Data.Deletion), RequestID: decoded.RequestID}, nil
}

// parseTime parses a time in Vault's response. An invalid one is the zero time.
func parseTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
