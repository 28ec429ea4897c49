// Package kv sends all requests to Vault's KV version 2 engine: reads, check-and-set writes,
// metadata and lists below one base path of one mount. It retries reads and sends every write
// exactly once. The caller decides whether to send a write again.
package kv

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/bodylimit"
	"goblin/vaultkit/internal/correlationid"
	"goblin/vaultkit/internal/vaulterr"
)

// Sender sends a request with the token of the current login. *session.Session is a Sender.
type Sender interface {
	Do(ctx context.Context, send func(ctx context.Context, c *api.Client) error) error
}

// Store is a base path in a KV v2 mount. It is safe for concurrent use.
type Store struct {
	sender  Sender
	layout  Layout
	backoff backoff.Backoff
}

// New returns a Store for the entries below base in mount. CheckPath must accept both.
func New(sender Sender, mount, base string, wait backoff.Backoff) *Store {
	return &Store{sender: sender, layout: Layout{Mount: mount, Base: base}, backoff: wait}
}

// maxResponse limits the size of a successful response. Vault's storage holds values of at most
// 1 MiB, and JSON escapes can make one six times longer. Other long responses are lists, with
// about 70 bytes for an entry, and metadata, with about 150 for a version.
const maxResponse = 8 << 20

// get reads path into response. It retries while Vault is unavailable, until ctx ends. The 404
// of a deleted version fills response too, and is an error. A 404 that does not come from Vault
// is retried.
func (s *Store) get(ctx context.Context, path, capability string, query url.Values, decoded any) error {
	return s.retryRead(ctx, func() error {
		return s.do(ctx, path, capability, func(ctx context.Context, c *api.Client) error {
			response, err := c.Logical().ReadRawWithDataWithContext(ctx, path, query)
			if response == nil || response.Body == nil {
				return err
			}
			defer response.Body.Close()
			if err == nil {
				return decode(path, response, decoded)
			}
			return notFoundError(err, response, decoded)
		})
	})
}

// notFoundError returns the error of a failed read. If Vault itself reports that the entry does
// not exist, it decodes the body into response as far as possible.
func notFoundError(err error, response *api.Response, decoded any) error {
	text, cut := readBody(response)
	if cut != nil {
		return err
	}
	err = vaulterr.Reclassify404(err, text)
	if errors.Is(vaulterr.Kind(err), vaulterr.ErrNotFound) {
		_ = json.Unmarshal(text, decoded)
	}
	return err
}

// decode decodes a response. An incomplete body or invalid JSON is worth a retry. JSON of
// another shape is not, because the server will send it again.
func decode(path string, response *api.Response, decoded any) error {
	text, err := readBody(response)
	if err != nil {
		return err
	}
	err = json.Unmarshal(text, decoded)
	if _, garbled := errors.AsType[*json.SyntaxError](err); err == nil || garbled {
		return err
	}
	return unexpectedResponse(path, "the response has an unexpected shape") // the cause may contain a value
}

// readBody returns the whole body of a response.
func readBody(response *api.Response) ([]byte, error) {
	var text bytes.Buffer
	text.Grow(int(min(max(response.ContentLength, 0), maxResponse)) + bytes.MinRead) // ReadFrom needs MinRead spare bytes
	_, err := text.ReadFrom(response.Body)
	return text.Bytes(), err
}

// unexpectedResponse returns the error for a response that a KV v2 mount does not send.
func unexpectedResponse(path, detail string) error {
	return &vaulterr.Error{Path: path, Kind: vaulterr.ErrNotKVv2, Detail: detail}
}

// put sends body once and decodes the response, unless response is nil. It does not use
// Logical().WriteRaw: when a standby answers with status 307, the official client must send the
// body again, and it keeps no raw body.
func (s *Store) put(ctx context.Context, path, capability string, body, decoded any) error {
	return s.do(ctx, path, capability, func(ctx context.Context, c *api.Client) error {
		request := c.NewRequest(http.MethodPut, "/v1/"+path)
		if err := request.SetJSONBody(body); err != nil {
			return vaulterr.Invalid("the request's body: %v", err)
		}
		response, err := c.RawRequestWithContext(ctx, request) //nolint:staticcheck // as Logical().Write does, with another decoder
		if response != nil && response.Body != nil {
			defer response.Body.Close()
		}
		switch empty := response != nil && response.StatusCode == http.StatusNoContent; {
		case err != nil, empty && decoded == nil:
			return err
		case empty:
			return unexpectedResponse(path, "the response is empty")
		case decoded == nil: // Vault may send warnings, but a proxy's page is no acknowledgement
			return decode(path, response, &struct{}{})
		}
		return decode(path, response, decoded)
	})
}

// do sends every request of this package. It returns each failure as a *vaulterr.Error with the
// path and, for a denial, the missing capability.
func (s *Store) do(ctx context.Context, path, capability string, send func(context.Context, *api.Client) error) error {
	ctx, id := correlationid.New(bodylimit.With(ctx, maxResponse))
	err := s.sender.Do(ctx, send)
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[*vaulterr.Error](err); ok {
		if vaulterr.NamespaceNotFound(own) { // Vault refused this request, and not one of the login
			own.Path, own.CorrelationID = path, id
		}
		return own
	}
	failed := &vaulterr.Error{Path: path, Kind: vaulterr.Kind(err), Err: err, CorrelationID: id}
	if errors.Is(failed.Kind, vaulterr.ErrPermissionDenied) {
		failed.Capability = capability
	}
	return failed
}
