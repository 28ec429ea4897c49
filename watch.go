package vaultkit

import (
	"context"
	"iter"
	"time"

	"goblin/vaultkit/internal/cache"
	"goblin/vaultkit/internal/settings"
	"goblin/vaultkit/internal/vaulterr"
)

// WithPollInterval is how often Watch and Updaters look for a new secret, of a
// client without a cache: at random moments between 0.6 and 0.9 of it. A second or
// more. Default 30 s; with WithCache they look within its ttl.
func WithPollInterval(interval time.Duration) Option {
	return func(s *settings.Settings) { s.Poll = interval }
}

// Watch yields the provider's current secret, and then each newer one, until ctx ends, the client
// is closed or the loop is left:
//
//	for keys, err := range client.Watch(ctx, "openai-gpt4") {
//		if err != nil {
//			log.Print(err) // the last keys may still be the newest
//			continue
//		}
//		use(keys.APIKey())
//	}
//
// An error means that the newest secret is not known. Each problem is reported once, and again if
// the secret turns out to be gone (ErrNotFound, ErrDeleted). If a secret is cached, Watch yields
// it before the error. The loop goes on. After the problem Watch yields keys again, which may be
// the same as before. An invalid name (ErrInvalid) and ErrClosed end the loop; the end of ctx ends
// it without an error. A slow loop gets the newest secret, not every one.
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
	last     *secret // the one yielded last
	idle     bool    // the last wait ended without any news
	ended    bool    // there is nothing more to come
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

// next waits for the next news.
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
