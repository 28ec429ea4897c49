package faulttest

import (
	"context"
	"sync"
)

// cancelContext is a context that can be cancelled with any error: it stands for the
// deadline of a caller that passes at a given request, and not at a given time.
// Contexts derived from it have ended, too, when cancel returns.
type cancelContext struct {
	context.Context // for values and the latest end
	done            chan struct{}

	mu    sync.Mutex
	err   error
	after map[int]func()
	next  int
}

func newCancelContext(parent context.Context) *cancelContext {
	e := &cancelContext{Context: parent, done: make(chan struct{}), after: map[int]func(){}}
	context.AfterFunc(parent, func() { e.cancel(parent.Err()) })
	return e
}

func (e *cancelContext) cancel(err error) {
	e.mu.Lock()
	if e.err != nil {
		e.mu.Unlock()
		return
	}
	e.err = err
	close(e.done)
	after := e.after
	e.after = nil
	e.mu.Unlock()
	for _, f := range after {
		f()
	}
}

// Done returns a channel that cancel closes.
func (e *cancelContext) Done() <-chan struct{} { return e.done }

// Err returns the error that it was cancelled with.
func (e *cancelContext) Err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

// AfterFunc is how package context learns of the end of a context that is not
// its own without a goroutine, which would be late.
func (e *cancelContext) AfterFunc(f func()) (stop func() bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		go f()
		return func() bool { return false }
	}
	n := e.next
	e.next++
	e.after[n] = f
	return func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		_, there := e.after[n]
		delete(e.after, n)
		return there
	}
}
