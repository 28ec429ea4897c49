package memvault

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"goblin/vaultkit/internal/memvault/kv2"
	"goblin/vaultkit/internal/memvault/logical"
)

// Flavor is the product whose answers the server gives.
type Flavor string

// The products. OpenBao is a fork of Vault that has namespaces. testdata/openbao.json has what it
// answers differently.
const (
	Vault   Flavor = "Vault"
	OpenBao Flavor = "OpenBao"
)

// Version is the release of Vault that the server answers like, and OpenBaoVersion that of
// OpenBao.
const (
	Version        = "1.21.2"
	OpenBaoVersion = "2.6.2"
)

// OpenBao reports whether the server answers like OpenBao.
func (s *Server) OpenBao() bool { return s.flavor == OpenBao }

// Version returns the release that the server answers like.
func (s *Server) Version() string {
	if s.OpenBao() {
		return OpenBaoVersion
	}
	return Version
}

// Name returns the product and the release that the server answers like.
func (s *Server) Name() string { return string(s.flavor) + " " + s.Version() }

// newKV returns an engine of KV version 2.
func (s *Server) newKV() *kv2.Engine {
	if s.OpenBao() {
		return kv2.NewOpenBao(s.clock.Now, &s.quirk)
	}
	return kv2.New(s.clock.Now, &s.quirk)
}

// invalidToken is the answer to a token that is unknown, expired, revoked or used up. OpenBao does
// not say more than to a request without a token.
func (s *Server) invalidToken() *logical.Error {
	if s.OpenBao() {
		return logical.NoToken()
	}
	return logical.InvalidToken()
}

// unreadable is the answer to a body that is not JSON. vault is the answer of Vault.
func (s *Server) unreadable(vault *logical.Error, err error) *logical.Error {
	if !s.OpenBao() {
		return vault
	}
	return logical.Refuse("failed to decode JSON input: %s", err)
}

// isRelative reports whether OpenBao refuses a path for a segment that is a name of a directory.
func isRelative(path string) bool {
	segments := strings.Split(path, "/")
	return slices.Contains(segments, ".") || slices.Contains(segments, "..")
}

// checkTokens returns the error of the first text in a body that is no token of JSON.
func checkTokens(body []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	for {
		_, err := decoder.Token()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// maxStrings is how many strings, names of members included, OpenBao reads in a body.
const maxStrings = 1000

// refuseComplex refuses a body as OpenBao does before it decodes it.
func refuseComplex(body []byte) *logical.Error {
	decoder, found := json.NewDecoder(bytes.NewReader(body)), 0
	for found <= maxStrings {
		token, err := decoder.Token()
		if err != nil { // the end, or an error that decoding the body shows
			break
		}
		if _, isText := token.(string); isText {
			found++
		}
	}
	if found <= maxStrings {
		return nil
	}
	return logical.Refuse("refused JSON input due to high complexity: exceeded maximum number of strings")
}
