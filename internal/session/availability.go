package session

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// availability tracks whether Vault serves requests, from the outcome of each request.
type availability struct {
	mu     sync.Mutex
	served time.Time // of the last response
	since  time.Time // start of the outage; zero: none
	err    error     // of the last request in the outage
}

// record notes the outcome of a request. Requests abandoned by their caller are ignored. A
// request that timed out says nothing about the time after it began, so a later response
// outweighs it.
func (a *availability) record(ctx context.Context, began time.Time, err error) {
	kind := vaulterr.Kind(err)
	down := errors.Is(kind, vaulterr.ErrUnavailable)
	if err != nil && !down && !answeredByVault(err) || down && noResponse(err) && canceledByCaller(ctx) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	switch {
	case !down:
		a.served, a.since, a.err = now, time.Time{}, nil
	case timedOut(err) && a.served.After(began):
	case a.since.IsZero():
		a.since, a.err = now, err
	default:
		a.err = err
	}
}

// outage returns the start of the outage and its last error, or zero values.
func (a *availability) outage() (since time.Time, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.since, a.err
}

func noResponse(err error) bool {
	_, answered := errors.AsType[*api.ResponseError](err)
	return err != nil && !answered
}

// answeredByVault reports whether err is an error response in Vault's own format.
func answeredByVault(err error) bool {
	response, ok := errors.AsType[*api.ResponseError](err)
	return ok && !response.RawError
}

func timedOut(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// canceledByCaller reports whether the caller's context has ended for another reason than
// ErrTimeout.
func canceledByCaller(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), ErrTimeout)
}

// ErrTimeout is the cause of the deadlines that vaultkit sets itself, through
// [context.WithTimeoutCause]. A request that exceeds such a deadline counts as an outage.
// A request that exceeds its caller's own deadline does not.
var ErrTimeout error = timeoutError{}

// timeoutError matches context.DeadlineExceeded, because net/http returns the cause in
// place of the context's error.
type timeoutError struct{}

func (timeoutError) Error() string { return context.DeadlineExceeded.Error() }

func (timeoutError) Timeout() bool { return true }

func (timeoutError) Temporary() bool { return true }

func (timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }
