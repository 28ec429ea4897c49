package faulttest

import (
	"context"
	"sync"
)

// endable is a context that somebody ends with an error of their choice: the
// deadline of a caller that passes at a given request, and not at a given time.
// Whatever was derived from it has ended too when end returns.
type endable struct {
	context.Context // for values and the latest end
	done            chan struct{}

	mu    sync.Mutex
	err   error
	after map[int]func()
	next  int
}

func newEndable(parent context.Context) *endable {
	e := &endable{Context: parent, done: make(chan struct{}), after: map[int]func(){}}
	context.AfterFunc(parent, func() { e.end(parent.Err()) })
	return e
}

func (e *endable) end(err error) {
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

// Done is closed by end.
func (e *endable) Done() <-chan struct{} { return e.done }

// Err is what it was ended with.
func (e *endable) Err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

// AfterFunc is how package context learns of the end of a context that is not
// its own without a goroutine, which would be late.
func (e *endable) AfterFunc(f func()) (stop func() bool) {
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
