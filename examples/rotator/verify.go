package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"goblin/vaultkit"
)

// verifier is a function for vaultkit.WithVerify.
type verifier = func(context.Context, vaultkit.Target, vaultkit.ProviderKeys) error

// worksAt returns a verifier that tries the new key with a call that costs nothing. A new key may need
// a moment until it works, so it is tried until the time is over.
func worksAt(url string, patience time.Duration) verifier {
	// A redirect could send the key to another host, so it is not followed.
	client := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return func(ctx context.Context, _ vaultkit.Target, keys vaultkit.ProviderKeys) error {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			status, err := try(ctx, client, url+"/v1/models", keys[fieldKey])
			if err == nil && status == http.StatusOK {
				return nil
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return fmt.Errorf("the new key does not work: status %d: %w", status, ctx.Err())
			}
		}
	}
}

// try sends one request. Its errors contain nothing of the response.
func try(ctx context.Context, client *http.Client, url, key string) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody) //nolint:gosec // the operator names the host
	if err != nil {
		return 0, errors.New("PROVIDER_URL is not a URL")
	}
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := client.Do(request) //nolint:gosec // as above
	if err != nil {
		return 0, errors.New("no response")
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16)) // so that the connection can be used again
	return response.StatusCode, nil
}
