// Package vaultkitvar is a driver for gocloud.dev/runtimevar: a variable of the Go CDK holds a field of
// a provider's secret, and follows its rotations.
//
//	variable, err := vaultkitvar.OpenVariable(client, "openai-gpt4", "api_key", runtimevar.StringDecoder)
//	if err != nil {
//		return err
//	}
//	defer variable.Close()
//	snapshot, err := variable.Latest(ctx)
//
// For URLs such as vaultkit://openai-gpt4/api_key?decoder=string, register a [URLOpener].
package vaultkitvar

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"gocloud.dev/gcerrors"
	"gocloud.dev/runtimevar"
	"gocloud.dev/runtimevar/driver"

	"goblin/vaultkit"
)

// Scheme is the scheme of the URLs.
const Scheme = "vaultkit"

// URLOpener opens vaultkit://PROVIDER/FIELD URLs. The query parameter decoder selects the decoder, see
// runtimevar.DecoderByName. Register it with runtimevar.DefaultURLMux().RegisterVariable.
type URLOpener struct{ Client *vaultkit.Client }

// OpenVariableURL opens the variable at a URL.
func (o *URLOpener) OpenVariableURL(ctx context.Context, u *url.URL) (*runtimevar.Variable, error) {
	query := u.Query()
	decoder, err := runtimevar.DecoderByName(ctx, query.Get("decoder"), runtimevar.StringDecoder)
	if err != nil {
		return nil, fmt.Errorf("open variable %s: invalid decoder: %w", u.Redacted(), err)
	}
	query.Del("decoder")
	for name := range query {
		return nil, fmt.Errorf("open variable %s: invalid query parameter %q", u.Redacted(), name)
	}
	return OpenVariable(o.Client, u.Host, strings.TrimPrefix(u.Path, "/"), decoder)
}

// OpenVariable returns a variable that holds a field of a provider's secret. It uses the client until
// it is closed, and does not close it. The client needs what Client.Watch needs.
func OpenVariable(client *vaultkit.Client, provider, field string, decoder *runtimevar.Decoder) (*runtimevar.Variable, error) {
	w, err := newWatcher(client, provider, field, decoder)
	if err != nil {
		return nil, err
	}
	return runtimevar.New(w), nil
}

// watcher implements driver.Watcher. Its own goroutine follows the secret, because Client.Watch goes on
// between the calls of WatchVariable.
type watcher struct {
	newest chan *state // holds at most one, which WatchVariable has not returned yet
	cancel context.CancelFunc
	done   chan struct{}
}

func newWatcher(client *vaultkit.Client, provider, field string, decoder *runtimevar.Decoder) (*watcher, error) {
	if client == nil || provider == "" || field == "" || decoder == nil {
		return nil, errors.New("a client, a provider, a field and a decoder are required")
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &watcher{newest: make(chan *state, 1), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		w.follow(ctx, client, provider, field, decoder)
	}()
	return w, nil
}

// follow puts each new state of the field into newest. Secrets that differ in other fields are no new
// state.
func (w *watcher) follow(ctx context.Context, client *vaultkit.Client, provider, field string, decoder *runtimevar.Decoder) {
	var known *state
	for keys, err := range client.Watch(ctx, provider) {
		if err != nil {
			// The client keeps an error for a second, so this one may be older than the variable: ask again.
			keys, err = client.GetProviderKeys(ctx, provider)
		}
		next := newState(ctx, keys, err, field, decoder)
		if known.same(next) {
			continue
		}
		select {
		case <-w.newest: // nobody has seen it, and it is no longer the newest
		default:
		}
		w.newest <- next // never blocks: this goroutine alone sends
		known = next
	}
}

func newState(ctx context.Context, keys vaultkit.ProviderKeys, err error, field string, decoder *runtimevar.Decoder) *state {
	text, has := keys[field]
	if err == nil && !has {
		err = &vaultkit.Error{Kind: vaultkit.ErrFieldMissing, Field: field, Detail: "the secret has no such field"}
	}
	if err != nil {
		return &state{err: err}
	}
	value, err := decoder.Decode(ctx, []byte(text))
	return &state{value: value, text: text, updated: time.Now(), err: err}
}

// WatchVariable blocks until there is a state that it has not returned yet.
func (w *watcher) WatchVariable(ctx context.Context, _ driver.State) (driver.State, time.Duration) {
	select {
	case next := <-w.newest:
		return next, 0
	case <-ctx.Done():
		return &state{err: ctx.Err()}, 0
	}
}

// Close ends the goroutine and waits for it.
func (w *watcher) Close() error {
	w.cancel()
	<-w.done
	return nil
}

// ErrorAs finds a *vaultkit.Error in an error.
func (w *watcher) ErrorAs(err error, target any) bool { return errors.As(err, target) }

// ErrorCode returns the code of the Go CDK for an error.
func (w *watcher) ErrorCode(err error) gcerrors.ErrorCode {
	for _, known := range []struct {
		kind error
		code gcerrors.ErrorCode
	}{
		{vaultkit.ErrNotFound, gcerrors.NotFound}, {vaultkit.ErrDeleted, gcerrors.NotFound},
		{vaultkit.ErrFieldMissing, gcerrors.NotFound}, {vaultkit.ErrMountNotFound, gcerrors.NotFound},
		{vaultkit.ErrPermissionDenied, gcerrors.PermissionDenied}, {vaultkit.ErrUnauthenticated, gcerrors.PermissionDenied},
		{vaultkit.ErrInvalid, gcerrors.InvalidArgument}, {vaultkit.ErrClosed, gcerrors.FailedPrecondition},
		{context.Canceled, gcerrors.Canceled}, {context.DeadlineExceeded, gcerrors.DeadlineExceeded},
	} {
		if errors.Is(err, known.kind) {
			return known.code
		}
	}
	return gcerrors.Unknown
}

// state implements driver.State.
type state struct {
	value   any
	text    string
	updated time.Time
	err     error
}

// same reports whether two states tell the same: the same value or the same error. Watch may yield the
// same keys again.
func (s *state) same(other *state) bool {
	switch {
	case s == nil || (s.err == nil) != (other.err == nil):
		return false
	case s.err != nil:
		return s.err.Error() == other.err.Error()
	}
	return s.text == other.text
}

// Value returns the decoded value, or the error.
func (s *state) Value() (any, error) { return s.value, s.err }

// UpdateTime returns when this program has seen the value first.
func (s *state) UpdateTime() time.Time { return s.updated }

// As converts to no other type.
func (s *state) As(any) bool { return false }

// Format prints no value.
func (s *state) Format(f fmt.State, _ rune) { fmt.Fprint(f, "state of a variable") }
