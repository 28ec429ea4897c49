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
// closes a value that was replaced. Its functions are called one at a time, except that Close may
// run beside the others after the Grace. None of them may call the updater's Close, which waits for
// them.
type UpdaterConfig[T any] struct {
	// Build makes the value; required. It gets its own copy of the keys, and a context that
	// ends with the updater. If it fails, the previous value stays in use. Build is called
	// again when the keys change. If it failed, it is also called again with the same keys,
	// after a pause of 1 s that grows to a minute.
	Build func(ctx context.Context, keys ProviderKeys) (T, error)
	// Close closes a value: Grace after it was replaced, and when the updater is closed. Nil: a
	// value needs no closing.
	Close func(T)
	// Grace is how long a replaced value can stay in use. Default 30 s.
	Grace time.Duration
	// Failed is called with every error that Err returns, when it happens. Nil: not called.
	Failed func(error)
}

// defaultGrace is longer than most requests that began with the replaced value.
const defaultGrace = 30 * time.Second

// rebuildBackoff paces the retries of a Build that fails.
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
	replaced map[*T]*time.Timer // values that were replaced and are not closed yet
}

// NewUpdater makes a value from the provider's keys, and makes it again whenever they change,
// in its own goroutine, until Close. It blocks until there is a first value; ctx bounds only that
// start. It polls as described at [Client.Watch]. Needs what GetAPIKey needs.
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

// start makes the first value. ctx bounds it, but Build gets life, the context that ends with the
// updater. If start fails, or Build panics, nothing keeps running.
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

// Err returns why the value is not made from the newest keys: the error that Watch yields, or that
// of Build. It is nil if the value is up to date. It does not block. [Client.Health] reports the
// state of the connection to Vault.
func (u *Updater[T]) Err() error {
	if failure := u.failure.Load(); failure != nil {
		return *failure
	}
	return nil
}

// Close stops the updates and closes every value at once, the one in use too. It waits for a running
// Build, whose context it cancels. It may be called again.
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

// follow makes a new value whenever the keys change.
func (u *Updater[T]) follow(ctx context.Context, w *watcher) {
	defer w.listener.Stop()
	var keys ProviderKeys
	made, failed := w.last, 0 // what the value was made from, and failures since
	for {
		newest, err := u.wait(ctx, w, failed)
		switch {
		case ctx.Err() != nil:
			return
		case w.idle: // the pause is over
		case err != nil:
			u.fail(err)
			if w.ended {
				return
			}
			failed = 0 // the keys that Build failed with may be outdated or deleted
			continue
		default:
			keys = newest
		}
		if w.last != made {
			err = u.rebuild(ctx, maps.Clone(keys))
		} else {
			err = nil // Watch works again, and the keys are the same
		}
		switch {
		case err == nil:
			made, failed = w.last, 0
			u.failure.Store(nil)
		case ctx.Err() == nil: // otherwise Close ended the Build
			failed++
			u.fail(err)
		}
	}
}

// wait waits for the next keys or error. After a failed Build, it ends with the pause.
func (u *Updater[T]) wait(ctx context.Context, w *watcher, failed int) (ProviderKeys, error) {
	if failed > 0 {
		bounded, cancel := context.WithTimeout(ctx, rebuildBackoff.Delay(failed))
		defer cancel()
		ctx = bounded
	}
	return w.next(ctx)
}

// rebuild makes a value and replaces the current one.
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

// notMade returns the error of a Build that failed. It matches no sentinel, because Vault did not
// fail.
func notMade(err error) error {
	return &Error{Detail: "UpdaterConfig.Build failed", Err: err}
}

// retire closes a replaced value after its grace.
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
