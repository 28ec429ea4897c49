package faulttest

import (
	"context"
	"errors"
	"testing"
)

// When cancel returns, derived contexts have ended with its error, and detached ones have not.
func TestCancelContext(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	defer cancel()
	e := newCancelContext(parent)
	derived, cancelDerived := context.WithCancel(e)
	defer cancelDerived()
	stopped := 0
	stop := e.AfterFunc(func() { stopped++ })
	if !stop() || stop() {
		t.Error("the two calls of stop differ from true, false, want true only at the first")
	}
	e.cancel(context.DeadlineExceeded)
	e.cancel(context.Canceled)
	if !errors.Is(derived.Err(), context.DeadlineExceeded) || !errors.Is(e.Err(), context.DeadlineExceeded) || stopped != 0 {
		t.Errorf("Err = %v, of a derived context %v, want DeadlineExceeded; a stopped function ran %d times, want 0", e.Err(), derived.Err(), stopped)
	}
	if context.WithoutCancel(e).Err() != nil {
		t.Errorf("WithoutCancel: Err = %v, want nil", context.WithoutCancel(e).Err())
	}
	late, cancelLate := context.WithCancel(e)
	defer cancelLate()
	<-late.Done()
	called := make(chan struct{})
	e.AfterFunc(func() { close(called) })
	<-called
}

func TestCancelContext_EndsWithItsParent(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	e := newCancelContext(parent)
	cancel()
	<-e.Done()
	if !errors.Is(e.Err(), context.Canceled) {
		t.Error(e.Err())
	}
}
