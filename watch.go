package vaultkit

import (
	"context"
	"iter"
	"time"

	"goblin/vaultkit/internal/cache"
	"goblin/vaultkit/internal/settings"
	"goblin/vaultkit/internal/vaulterr"
)

// WithPollInterval sets how often Watch and updaters of a client without a cache look for a new
// secret: at a random moment between 0.6 and 0.9 of the interval, so that clients do not poll at the
// same moment. At least a second. Default 30 s; with WithCache, they look within its ttl.
func WithPollInterval(interval time.Duration) Option {
	return func(s *settings.Settings) { s.Poll = interval }
}

// Watch yields the provider's current secret, and then a newer one whenever it changes, until ctx
// ends, the client is closed or the loop is left. The loop blocks in between:
//
//	for keys, err := range client.Watch(ctx, "openai-gpt4") {
//		if err != nil {
//			log.Print(err) // the last keys may still be the newest
//			continue
//		}
//		use(keys.APIKey())
//	}
//
// An error, one of GetAPIKey's, means that the newest secret is not known. The loop goes on. Watch
// yields one error for each problem, and another one if the secret turns out to be gone (ErrNotFound,
// ErrDeleted). If a secret is cached, Watch yields it before the error. After the problem, Watch
// yields keys again, which may be the same as before. An invalid name (ErrInvalid) and ErrClosed end
// the loop after the error; the end of ctx ends it without an error. A slow loop gets the newest
// secret, not every one.
//
// All watchers of a provider share one poll. It reads the provider's metadata if the token has
// "read" on metadata/<base>/providers/<provider>, else its data. The client's own rotations are
// seen at once. Watch needs what GetAPIKey needs.
func (c *Client) Watch(ctx context.Context, provider string) iter.Seq2[ProviderKeys, error] {
	return func(yield func(ProviderKeys, error) bool) {
		w, err := c.watch(provider)
		if err != nil {
			yield(nil, vaulterr.WithOp("Watch", provider, err))
			return
		}
		defer w.listener.Stop()
		for {
			keys, err := w.next(ctx)
			if w.idle || !yield(keys, vaulterr.WithOp("Watch", provider, err)) || w.ended {
				return
			}
		}
	}
}

// watcher follows one provider's secret.
type watcher struct {
	listener *cache.Listener[secret]
	last     *secret // the last one that next returned
	idle     bool    // the last call of next ended because its context ended
	ended    bool    // the client was closed
}

func (c *Client) watch(provider string) (*watcher, error) {
	if err := checkProvider(provider); err != nil {
		return nil, err
	}
	listener, err := c.keys.Listen(provider)
	if err != nil {
		return nil, err
	}
	return &watcher{listener: listener}, nil
}

// next waits for the next secret or error.
func (w *watcher) next(ctx context.Context) (ProviderKeys, error) {
	found, failure, err := w.listener.Next(ctx)
	w.idle = err != nil && ctx.Err() != nil
	switch {
	case err != nil:
		w.ended = !w.idle
		return nil, err
	case failure != nil:
		return nil, failure
	}
	w.last = found
	return found.keys()
}
