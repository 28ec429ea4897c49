package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
)

// server is a Vault, with the lists of its mounts.
type server struct {
	client *api.Client
	kv     map[string]any // by path, with a slash at the end
	auth   map[string]any
}

// The lists of mounts.
const (
	mountsPath = "sys/mounts"
	authsPath  = "sys/auth"
)

// open reads the lists of mounts.
func open(ctx context.Context, client *api.Client) (*server, error) {
	s := &server{client: client}
	var err error
	if s.kv, err = s.read(ctx, mountsPath); err != nil {
		return nil, err
	}
	s.auth, err = s.read(ctx, authsPath)
	return s, err
}

// hasAuth reports whether there is an auth mount.
func (s *server) hasAuth(mount string) bool { return s.auth[mount+"/"] != nil }

// read returns what is at a path; nil: nothing.
func (s *server) read(ctx context.Context, path string) (map[string]any, error) {
	secret, err := s.client.Logical().ReadWithContext(ctx, path)
	if err != nil {
		return nil, failure(err, path, "read")
	}
	if secret == nil {
		return nil, nil
	}
	return secret.Data, nil
}

// write writes an object. It sends the request once. capability is what Vault asks for.
func (s *server) write(ctx context.Context, o *object, capability string) error {
	_, err := s.client.Logical().WriteWithContext(ctx, o.path, o.body())
	failed := failure(err, o.path, capability)
	if own, ok := errors.AsType[*vaultkit.Error](failed); ok && isBadRequest(err) && o.hint != "" {
		own.Hint = o.hint
	}
	return failed
}

// isBadRequest reports whether Vault does not accept the values of a request.
func isBadRequest(err error) bool {
	response, responded := errors.AsType[*api.ResponseError](err)
	return responded && response.StatusCode == http.StatusBadRequest
}

// writeWrapped writes to a path, and has the response wrapped.
func (s *server) writeWrapped(ctx context.Context, path string, ttl time.Duration) (*api.SecretWrapInfo, error) {
	wrapping := s.client.WithRequestCallbacks(func(r *api.Request) { r.WrapTTL = fmt.Sprintf("%ds", int(ttl.Seconds())) })
	secret, err := wrapping.Logical().WriteWithContext(ctx, path, map[string]any{})
	switch {
	case err != nil:
		return nil, failure(err, path, "update")
	case secret == nil || secret.WrapInfo == nil || secret.WrapInfo.Token == "":
		return nil, &vaultkit.Error{Path: path, Kind: vaultkit.ErrInvalid, Detail: "the response is not wrapped",
			Hint: "look for a proxy that drops the header X-Vault-Wrap-TTL"}
	}
	return secret.WrapInfo, nil
}

// capabilities returns what the token may do on each path.
func (s *server) capabilities(ctx context.Context, paths []string) (map[string][]string, error) {
	const path = "sys/capabilities-self"
	secret, err := s.client.Logical().WriteWithContext(ctx, path, map[string]any{"paths": paths})
	if err != nil {
		return nil, failure(err, path, "update")
	}
	granted := map[string][]string{}
	if secret != nil {
		for _, path := range paths {
			granted[path], _ = texts(secret.Data[path])
		}
	}
	return granted, nil
}

// failure returns an error of the official client as one of vaultkit's, which is printed without
// what a proxy may have added.
func failure(err error, path, capability string) error {
	if _, own := errors.AsType[*vaultkit.Error](err); own || err == nil {
		return err
	}
	failed := &vaultkit.Error{Path: path, Kind: vaultkit.ErrUnavailable, Err: err}
	response, responded := errors.AsType[*api.ResponseError](err)
	switch {
	case errors.Is(err, context.Canceled):
		failed.Kind = nil
	case !responded:
	case response.StatusCode == http.StatusForbidden && strings.Contains(strings.Join(response.Errors, " "), "invalid token"):
		failed.Kind = vaultkit.ErrUnauthenticated
	case response.StatusCode == http.StatusForbidden:
		failed.Kind, failed.Capability = vaultkit.ErrPermissionDenied, capability
	case response.StatusCode == http.StatusBadRequest, response.StatusCode == http.StatusNotFound:
		failed.Kind, failed.Hint = nil, "check the flags"
	}
	return failed
}

// asMap returns a JSON object as it is in Vault's responses.
func asMap(value any) map[string]any {
	object, _ := value.(map[string]any)
	return object
}

// asText returns a text or number in Vault's responses.
func asText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}
