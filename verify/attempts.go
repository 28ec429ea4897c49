package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// attempts tries keys at an endpoint.
type attempts struct {
	*options
	endpoint Endpoint
	target   *url.URL
}

// firstPause is the time between the first attempt and the second; each further pause is twice as
// long as the one before.
const firstPause = time.Second

// run tries a key until the outcome is final, or the time for a new key is over.
func (a *attempts) run(ctx context.Context, value string) error {
	began, pause := time.Now(), firstPause
	var rejected error
	for {
		outcome := a.try(ctx, value)
		// A provider limits requests with a wrong key: what it said about the key before counts.
		switch {
		case errors.Is(outcome.err, ErrRejected):
			rejected = outcome.err
		case outcome.accepted:
			rejected = nil
		case outcome.temporary && rejected != nil:
			outcome.err = rejected
		}
		left := a.wait - time.Since(began)
		switch {
		case ctx.Err() != nil:
			return interrupted(ctx, outcome.err)
		case !outcome.temporary || left <= 0:
			return outcome.err
		}
		select {
		case <-time.After(min(pause, left)):
		case <-ctx.Done():
			return interrupted(ctx, outcome.err)
		}
		pause *= 2
	}
}

// interrupted returns the error for attempts that ctx has ended.
func interrupted(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w; %w", err, ctx.Err())
}

// outcome is what one attempt has shown.
type outcome struct {
	err       error // nil, an ErrRejected or an ErrUnknown
	temporary bool  // another attempt may show something else
	accepted  bool  // the request with the key succeeded
}

// attemptTimeout limits one attempt, with its responses.
const attemptTimeout = 10 * time.Second

// try sends the request with the key, and if that succeeds, without it. Some APIs serve the
// request to everybody: then its success says nothing about the key.
func (a *attempts) try(ctx context.Context, value string) outcome {
	ctx, cancel := context.WithTimeout(ctx, a.attemptTimeout)
	defer cancel()
	with := a.send(ctx, value)
	if with.err != nil {
		return with
	}
	without := a.send(ctx, "")
	switch {
	case without.err == nil:
		return a.unknown("it accepts the same request without a key")
	case without.temporary && errors.Is(without.err, ErrUnknown):
		without.accepted = true
		without.err = fmt.Errorf("%w, to the same request without a key", without.err)
		return without
	}
	return outcome{}
}

// send sends one request. An empty value sends no key.
func (a *attempts) send(ctx context.Context, value string) outcome {
	request, err := http.NewRequestWithContext(ctx, a.endpoint.method(), a.target.String(), http.NoBody)
	if err != nil {
		return a.unknown("the request cannot be made")
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "vaultkit")
	for name, text := range a.endpoint.Headers {
		request.Header.Set(name, text)
	}
	if value != "" {
		request.Header.Set(a.endpoint.header(), value)
	}
	// A RoundTripper follows no redirect, which would carry the key to another address.
	response, err := a.transport(a.target.Scheme == "http").RoundTrip(request)
	if err != nil {
		return a.failed(err)
	}
	defer response.Body.Close()
	return a.judge(response)
}

// unknown returns the outcome that the same attempt would show again.
func (a *attempts) unknown(why string) outcome {
	return outcome{err: fmt.Errorf("%w: %s: %s", ErrUnknown, a.target.Host, why)}
}

// temporary returns an unknown outcome that may not last.
func (a *attempts) temporary(why string) outcome {
	return outcome{err: a.unknown(why).err, temporary: true}
}

func (a *attempts) rejected(status int) outcome {
	return outcome{err: fmt.Errorf("%w: %s: HTTP %d", ErrRejected, a.target.Host, status), temporary: true}
}
