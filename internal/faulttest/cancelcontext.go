package faulttest

import (
	"context"
	"sync"
)

// cancelContext is a context that can be cancelled with any error. With it, a caller's deadline
// passes at a given request instead of a given time. Contexts derived from it have ended when
// cancel returns.
type cancelContext struct {
	context.Context // for the values and the end of the parent
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

// Err returns the error of cancel.
func (e *cancelContext) Err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

// AfterFunc lets package context end derived contexts without a goroutine, which would run too
// late.
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
