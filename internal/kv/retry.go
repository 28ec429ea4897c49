package kv

import (
	"context"
	"errors"
	"time"

	"goblin/vaultkit/internal/vaulterr"
)

// maxSealWait limits how long a read is retried on a sealed server. A server that restarts is
// sealed until it has unsealed itself, and a normal failover takes up to 3 s.
const maxSealWait = 3 * time.Second

// retryRead retries a read until it succeeds, ctx ends, or the server stays sealed for
// maxSealWait.
func (s *Store) retryRead(ctx context.Context, send func() error) error {
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
	}, send)
}

// RetryWhile calls send, and retries it after a pause while retryable reports true for its error.
// When ctx ends, it returns ErrUnavailable with the last error that ctx did not cause.
func (s *Store) RetryWhile(ctx context.Context, retryable func(error) bool, send func() error) error {
	var last error
	for failed := 1; ; failed++ {
		err := send()
		if !retryable(err) {
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
