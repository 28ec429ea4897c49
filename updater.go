package vaultkit

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/vaulterr"
)

// UpdaterConfig says how an [Updater] makes its value from a provider's keys, and how it
// disposes of a value that was replaced. Its functions are called one at a time, except
// Close after a grace. None of them may call the updater's Close, which waits for them.
type UpdaterConfig[T any] struct {
	// Build makes the value; required. It gets its own copy of the keys, and a context that
	// ends with the updater. If it fails, the previous value stays in use. Build is called
	// again when the keys change, and otherwise after a pause of 1 s to a minute, as long as
	// these keys are the newest known ones.
	Build func(ctx context.Context, keys ProviderKeys) (T, error)
	// Close, if not nil, disposes of a value: Grace after it was replaced, and when the
	// updater is closed.
	Close func(T)
	// Grace is how long a replaced value can stay in use. Default 30 s.
	Grace time.Duration
	// Failed, if not nil, is called with every error that Err returns, when it happens.
	Failed func(error)
}

// defaultGrace outlives a request that was begun with the value before.
const defaultGrace = 30 * time.Second

// rebuildBackoff paces a Build that fails.
var rebuildBackoff = backoff.Backoff{Min: 2 * time.Second, Max: time.Minute}

// Updater holds a value made from a provider's newest keys. It is safe for concurrent use.
// Close it before its client.
type Updater[T any] struct {
	provider string
	config   UpdaterConfig[T]
	current  atomic.Pointer[T]
	failure  atomic.Pointer[error]
	end      context.CancelFunc
	work     sync.WaitGroup

	mu       sync.Mutex
	replaced map[*T]*time.Timer // in their grace
}

// NewUpdater makes a value from the provider's keys, and makes it again whenever they change,
// in its own goroutine, until Close. It blocks until there is a first value; ctx limits only
// that start. It polls as described at [Client.Watch].
//
// Errors: ErrInvalid (the name, no Build), those of GetAPIKey, and those of Build.
func NewUpdater[T any](ctx context.Context, c *Client, provider string, config UpdaterConfig[T]) (*Updater[T], error) {
	u, err := newUpdater(ctx, c, provider, config)
	return u, vaulterr.WithOp("NewUpdater", provider, err)
}

func newUpdater[T any](ctx context.Context, c *Client, provider string, config UpdaterConfig[T]) (*Updater[T], error) {
	switch {
	case config.Build == nil:
		return nil, vaulterr.Invalid("UpdaterConfig.Build is required")
	case config.Grace < 0:
		return nil, vaulterr.Invalid("UpdaterConfig.Grace is negative")
	case config.Grace == 0:
		config.Grace = defaultGrace
	}
	w, err := c.watch(provider)
	if err != nil {
		return nil, err
	}
	u := &Updater[T]{provider: provider, config: config, replaced: map[*T]*time.Timer{}}
	life, end := context.WithCancel(context.Background()) //nolint:gosec // Close calls it
	u.end = end
	if err := u.start(ctx, life, w); err != nil {
		return nil, err
	}
	u.work.Go(func() { u.follow(life, w) })
	return u, nil
}

// start makes the first value, within ctx, but under the context that it lives with.
// Without one nothing is left, even if Build panics.
func (u *Updater[T]) start(ctx, life context.Context, w *watcher) error {
	started := false
	defer func() {
		if !started {
			u.end()
			w.listener.Stop()
		}
	}()
	keys, err := w.next(ctx)
	if err != nil {
		return err
	}
	inTime := context.AfterFunc(ctx, u.end)
	err = u.rebuild(life, keys)
	if !inTime() {
		if err == nil {
			u.dispose(u.current.Load())
		}
		return notMade(ctx.Err())
	}
	started = err == nil
	return err
}

// Get returns the newest value. It takes no lock and does not block.
func (u *Updater[T]) Get() T { return *u.current.Load() }

// Err returns why the value is not made from the newest known keys: the error that Watch
// yields, or that of Build. It is nil if the value is up to date. [Client.Health] reports the
// state of Vault.
func (u *Updater[T]) Err() error {
	if failure := u.failure.Load(); failure != nil {
		return *failure
	}
	return nil
}

// Close ends the updates and disposes of every value at once, the one in use too. It may be
// called again.
func (u *Updater[T]) Close() {
	u.end()
	u.work.Wait()
	u.mu.Lock()
	left := u.replaced
	u.replaced = nil
	u.mu.Unlock()
	if left == nil {
		return
	}
	for value, timer := range left {
		if timer.Stop() {
			u.dispose(value)
		}
	}
	u.dispose(u.current.Load())
}

// follow makes the value anew as the keys change.
func (u *Updater[T]) follow(ctx context.Context, w *watcher) {
	defer w.listener.Stop()
	var keys ProviderKeys
	made, failed := w.last, 0 // what the value was made from, and failures since
	for {
		news, err := u.wait(ctx, w, failed)
		switch {
		case ctx.Err() != nil:
			return
		case w.idle: // the pause is over
		case err != nil:
			u.fail(err)
			if w.ended {
				return
			}
			failed = 0 // the keys that Build failed with are not the newest any more, or may be gone
			continue
		default:
			keys = news
		}
		if w.last != made {
			err = u.rebuild(ctx, maps.Clone(keys))
		} else {
			err = nil // the trouble is over, and nothing has changed
		}
		switch {
		case err == nil:
			made, failed = w.last, 0
			u.failure.Store(nil)
		case ctx.Err() == nil: // else it was Close that ended the Build
			failed++
			u.fail(err)
		}
	}
}

// wait is for news, and after a failed Build no longer than its pause.
func (u *Updater[T]) wait(ctx context.Context, w *watcher, failed int) (ProviderKeys, error) {
	if failed > 0 {
		bounded, cancel := context.WithTimeout(ctx, rebuildBackoff.Delay(failed))
		defer cancel()
		ctx = bounded
	}
	return w.next(ctx)
}

// rebuild makes a value and puts it in the place of the one before.
func (u *Updater[T]) rebuild(ctx context.Context, keys ProviderKeys) error {
	value, err := u.config.Build(ctx, keys)
	if err != nil {
		return notMade(err)
	}
	if before := u.current.Swap(&value); before != nil {
		u.retire(before)
	}
	return nil
}

// notMade is Build's failure, which is no trouble of Vault's.
func notMade(err error) error {
	return &Error{Detail: "the value could not be made", Err: err}
}

// retire disposes of a replaced value after its grace.
func (u *Updater[T]) retire(value *T) {
	if u.config.Close == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.replaced[value] = time.AfterFunc(u.config.Grace, func() {
		u.mu.Lock()
		delete(u.replaced, value)
		u.mu.Unlock()
		u.dispose(value)
	})
}

func (u *Updater[T]) dispose(value *T) {
	if u.config.Close != nil {
		u.config.Close(*value)
	}
}

func (u *Updater[T]) fail(err error) {
	err = vaulterr.WithOp("Updater", u.provider, err)
	u.failure.Store(&err)
	if u.config.Failed != nil {
		u.config.Failed(err)
	}
}
