// Package kv is the only talker to Vault's KV version 2 engine: reads,
// check-and-set writes, metadata and lists below one base path of one mount.
// It retries reads, and sends every write exactly once: whether to send a
// write again is the caller's decision.
package kv

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/bodylimit"
	"goblin/vaultkit/internal/requestid"
	"goblin/vaultkit/internal/vaulterr"
)

// Door sends a request as whoever is logged in; *session.Session is one.
type Sender interface {
	Do(ctx context.Context, send func(ctx context.Context, c *api.Client) error) error
}

// Store is a base path of a KV v2 mount. Safe for concurrent use.
type Store struct {
	sender  Sender
	layout  Layout
	backoff backoff.Backoff
}

// New is a Store for the entries below base in mount. Both must have passed
// CheckPath.
func New(sender Sender, mount, base string, wait backoff.Backoff) *Store {
	return &Store{sender: sender, layout: Layout{Mount: mount, Base: base}, backoff: wait}
}

// maxAnswer bounds what is read of a success. A value has at most 1 MiB in Vault's
// storage, which JSON may escape to six; the other long answers are lists, with some 70
// bytes for an entry, and metadata, with some 150 for a version.
const maxResponse = 8 << 20

// get reads path into answer, again and again while Vault is in trouble and ctx
// lives. The 404 of a deleted version fills answer and is an error too; one that is
// not Vault's own counts as trouble.
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

// missing is a failed read. What Vault itself says of something that is not there
// fills answer, as far as it fits.
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

// decode reads a whole answer. A cut or garbled one is worth asking again, JSON
// of another shape is not: it is what that server says.
func decode(path string, response *api.Response, decoded any) error {
	text, err := readBody(response)
	if err != nil {
		return err
	}
	err = json.Unmarshal(text, decoded)
	if _, garbled := errors.AsType[*json.SyntaxError](err); err == nil || garbled {
		return err
	}
	return unexpectedResponse(path, "the answer has another shape") // the cause may show a value
}

// whole is an answer's body, read to its end.
func readBody(response *api.Response) ([]byte, error) {
	var text bytes.Buffer
	text.Grow(int(min(max(response.ContentLength, 0), maxResponse)) + bytes.MinRead) // which is what ReadFrom wants to spare
	_, err := text.ReadFrom(response.Body)
	return text.Bytes(), err
}

// noAnswer is the error of an answer no KV v2 mount gives.
func unexpectedResponse(path, detail string) error {
	return &vaulterr.Error{Path: path, Kind: vaulterr.ErrNotKVv2, Detail: detail}
}

// put sends body once and reads the answer, nil where there is none to a success. A
// request of our own and not Logical().WriteRaw: on a standby's 307 the official
// client rebuilds the body, and has nothing to rebuild a raw one from.
func (s *Store) put(ctx context.Context, path, capability string, body, decoded any) error {
	return s.do(ctx, path, capability, func(ctx context.Context, c *api.Client) error {
		request := c.NewRequest(http.MethodPut, "/v1/"+path)
		if err := request.SetJSONBody(body); err != nil {
			return vaulterr.Invalid("the request's body: %v", err)
		}
		response, err := c.RawRequestWithContext(ctx, request) //nolint:staticcheck // what Logical().Write does, with another decoder
		if response != nil && response.Body != nil {
			defer response.Body.Close()
		}
		switch empty := response != nil && response.StatusCode == http.StatusNoContent; {
		case err != nil, empty && decoded == nil:
			return err
		case empty:
			return unexpectedResponse(path, "the answer is empty")
		case decoded == nil: // warnings; a hop's page is no acknowledgement
			return decode(path, response, &struct{}{})
		}
		return decode(path, response, decoded)
	})
}

// do is the one door to the wire: every failure leaves as *vaulterr.Error that
// names the path and, for a denial, the capability that was needed.
func (s *Store) do(ctx context.Context, path, capability string, send func(context.Context, *api.Client) error) error {
	ctx, id := requestid.New(bodylimit.With(ctx, maxResponse))
	err := s.sender.Do(ctx, send)
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[*vaulterr.Error](err); ok {
		return own
	}
	failed := &vaulterr.Error{Path: path, Kind: vaulterr.Kind(err), Err: err, CorrelationID: id}
	if errors.Is(failed.Kind, vaulterr.ErrPermissionDenied) {
		failed.Capability = capability
	}
	return failed
}

// sealPatience is how long a read rides out a seal: a server that restarts is sealed
// until it has unsealed itself, and 3 s of trouble are a normal failover.
const maxSealWait = 3 * time.Second

// retry repeats a read until it is answered or ctx ends, or the seal turns out to be
// one that somebody has to undo.
func (s *Store) retryRead(ctx context.Context, attempt func() error) error {
	var sealed time.Time
	return s.RetryWhile(ctx, func(err error) bool {
		if !errors.Is(err, vaulterr.ErrSealed) {
			sealed = time.Time{}
			return vaulterr.Retryable(err)
		}
		if sealed.IsZero() {
			sealed = time.Now()
		}
		return time.Since(sealed) < maxSealWait
	}, attempt)
}

// Repeat makes an attempt again and again, with pauses, while its error is one
// that again reports, until ctx ends. Then the error is ErrUnavailable and
// carries the last answer there was, not the attempt that ctx cut short.
func (s *Store) RetryWhile(ctx context.Context, again func(error) bool, attempt func() error) error {
	var last error
	for failed := 1; ; failed++ {
		err := attempt()
		if !again(err) {
			return err
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		if ended := s.backoff.Wait(ctx, failed); ended != nil {
			return vaulterr.Interrupted(last, ended)
		}
	}
}
