// Package kv is the only talker to Vault's KV version 2 engine: reads,
// check-and-set writes, metadata and lists below one base path of one mount.
// It retries reads, and sends every write exactly once: whether to send a
// write again is the caller's decision.
package kv

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/correlation"
	"goblin/vaultkit/internal/vaulterr"
)

// Door sends a request as whoever is logged in; *session.Session is one.
type Door interface {
	Do(ctx context.Context, send func(ctx context.Context, c *api.Client) error) error
}

// Store is a base path of a KV v2 mount. Safe for concurrent use.
type Store struct {
	door    Door
	layout  Layout
	backoff backoff.Backoff
}

// New is a Store for the entries below base in mount. Both must have passed
// CheckPath.
func New(door Door, mount, base string, wait backoff.Backoff) *Store {
	return &Store{door: door, layout: Layout{Mount: mount, Base: base}, backoff: wait}
}

// maxAnswer bounds what is read of an answer. Vault itself limits requests to
// 32 MiB, and a key's metadata with thousands of versions is the longest answer.
const maxAnswer = 32 << 20

// get reads path into answer, again and again while Vault is in trouble and ctx
// lives. A 404 with a body (a deleted version) fills answer and is an error too.
func (s *Store) get(ctx context.Context, path, capability string, query url.Values, answer any) error {
	return s.retry(ctx, func() error {
		return s.do(ctx, path, capability, func(ctx context.Context, c *api.Client) error {
			response, err := c.Logical().ReadRawWithDataWithContext(ctx, path, query)
			if response == nil || response.Body == nil {
				return err
			}
			defer response.Body.Close()
			if err != nil && response.StatusCode != 404 {
				return err
			}
			return cmp.Or(err, decode(path, response.Body, answer))
		})
	})
}

// decode reads a whole answer. A cut or garbled one is worth asking again, JSON
// of another shape is not: it is what that server says.
func decode(path string, body io.Reader, answer any) error {
	text, err := io.ReadAll(io.LimitReader(body, maxAnswer))
	if err != nil {
		return err
	}
	err = json.Unmarshal(text, answer)
	if _, garbled := errors.AsType[*json.SyntaxError](err); err == nil || garbled {
		return err
	}
	return noAnswer(path, "the answer has another shape") // the cause may show a value
}

// noAnswer is the error of an answer no KV v2 mount gives.
func noAnswer(path, detail string) error {
	return &vaulterr.Error{Path: path, Kind: vaulterr.ErrNotKVv2, Detail: detail}
}

// put sends body once. Logical().Write and not its raw sister: on a standby's
// 307 the official client rebuilds the body, and has nothing to rebuild a raw
// one from.
func (s *Store) put(ctx context.Context, path, capability string, body map[string]any) (*api.Secret, error) {
	var answer *api.Secret
	err := s.do(ctx, path, capability, func(ctx context.Context, c *api.Client) (err error) {
		answer, err = c.Logical().WriteWithContext(ctx, path, body)
		return err
	})
	return answer, err
}

// do is the one door to the wire: every failure leaves as *vaulterr.Error that
// names the path and, for a denial, the capability that was needed.
func (s *Store) do(ctx context.Context, path, capability string, send func(context.Context, *api.Client) error) error {
	ctx, id := correlation.New(ctx)
	err := s.door.Do(ctx, send)
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

// retry repeats a read until it is answered or ctx ends.
func (s *Store) retry(ctx context.Context, attempt func() error) error {
	return s.Repeat(ctx, vaulterr.Retryable, attempt)
}

// Repeat makes an attempt again and again, with pauses, while its error is one
// that again reports, until ctx ends. Then the error is ErrUnavailable and
// carries the last answer there was, not the attempt that ctx cut short.
func (s *Store) Repeat(ctx context.Context, again func(error) bool, attempt func() error) error {
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
			return vaulterr.GaveUp(last, ended)
		}
	}
}
