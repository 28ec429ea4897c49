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
	Data    map[string]any // numbers are float64, as Vault keeps them
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

// Read returns the newest version. Needs "read" on data/. A missing entry is
// ErrNotFound; a deleted or destroyed one is ErrDeleted or ErrDestroyed, and
// the Secret returned with it carries its version.
func (s *Store) Read(ctx context.Context, key Key) (Secret, error) {
	return s.read(ctx, key, 0)
}

// ReadVersion returns one version, 1 or higher: Vault takes 0 for the newest.
func (s *Store) ReadVersion(ctx context.Context, key Key, version int) (Secret, error) {
	if version < 1 {
		return Secret{}, vaulterr.Invalid("version %d does not exist, they start at 1", version)
	}
	return s.read(ctx, key, version)
}

// read returns the version asked for, 0 for the newest.
func (s *Store) read(ctx context.Context, key Key, version int) (Secret, error) {
	path, err := s.layout.Data(key)
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
		return Secret{}, unexpectedResponse(path, fmt.Sprintf("the answer is about version %d, not %d", meta.Version, version))
	case errors.Is(err, vaulterr.ErrNotFound) && meta.Version > 0:
		return Secret{Version: meta.Version, Created: meta.Created}, deletedError(err, meta.Version, meta.Destroyed)
	case err != nil:
		return Secret{}, err
	case meta.Version < 1 || meta.Created.IsZero() || decoded.Data.Data == nil:
		// A v1 mount answers v2 paths, with whatever was stored there.
		return Secret{}, unexpectedResponse(path, "the answer carries no version")
	}
	return Secret{Data: decoded.Data.Data, Version: meta.Version, Created: meta.Created}, nil
}

// gone makes the error of a bare 404 that of a deleted version: the entry is
// there, so it is no ErrNotFound any more.
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
	RequestID string    // as in the audit devices' log
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

// Write stores data as version cas+1, if version cas is the newest; 0 means
// that the entry does not exist. It is sent exactly once. Needs "create" where
// nothing is stored yet, else "update". ErrConflict: the check-and-set was
// refused; see vaulterr.MaybeApplied for errors that leave the outcome open.
func (s *Store) Write(ctx context.Context, key Key, cas int, data any) (Written, error) {
	path, err := s.layout.Data(key)
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
	if decoded.RequestID == "" || decoded.Data.Version != cas+1 { // a proxy's idea of success, or a v1 mount's
		return Written{}, unexpectedResponse(path, fmt.Sprintf("the answer to a write does not name version %d", cas+1))
	}
	return Written{Version: cas + 1, Created: decoded.Data.Created.UTC(), Expires: parseTime(decoded.Data.Deletion), RequestID: decoded.RequestID}, nil
}

// timeOf is a time of Vault's answer; what is none is the zero time.
func parseTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
