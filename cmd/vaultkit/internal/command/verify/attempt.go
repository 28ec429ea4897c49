package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/keycheck"
	"goblin/vaultkit/verify"
)

// Outcome is what is known about a key.
type Outcome string

// The outcomes.
const (
	Works    Outcome = "works"
	Rejected Outcome = "rejected"
	Unknown  Outcome = "unknown"
)

// Result is the outcome for one provider, as --json prints it.
type Result struct {
	Provider string  `json:"provider"`
	API      string  `json:"api,omitempty"` // at which the key was tried; empty: at none
	Outcome  Outcome `json:"outcome"`
	Detail   string  `json:"detail,omitempty"` // why the key does not work, or why that is unknown
}

// attempt is a Result, or the error of a key that cannot be read from Vault.
type attempt struct {
	Result
	err     error
	skipped bool // the provider is deleted, and nobody named it
}

// workers is how many keys are tried at once.
const workers = 8

// tryAll tries the keys of the providers, in their order.
func (o *Options) tryAll(ctx context.Context, client *vaultkit.Client, chosen map[string]string) ([]attempt, error) {
	providers, named := o.Providers, len(o.Providers) > 0
	if !named {
		var err error
		if providers, err = client.Providers(ctx); err != nil {
			return nil, err
		}
	}
	for provider := range chosen {
		if !slices.Contains(providers, provider) {
			return nil, exitcode.UsageErrorf("--with names a provider that is not among those to try")
		}
	}
	step, done := o.IO.Progress("trying", len(providers))
	defer done()
	tried, busy := make([]attempt, len(providers)), make(chan struct{}, workers)
	var all sync.WaitGroup
	for i, provider := range providers {
		busy <- struct{}{}
		all.Go(func() {
			tried[i] = o.try(ctx, client, provider, chosen[provider])
			tried[i].skipped = !named && exitcode.IsGone(tried[i].err)
			step()
			<-busy
		})
	}
	all.Wait()
	if err := ctx.Err(); errors.Is(err, context.Canceled) {
		return nil, err
	}
	return tried, nil
}

// try reads a provider's key and tries it.
func (o *Options) try(ctx context.Context, client *vaultkit.Client, provider, api string) attempt {
	result := Result{Provider: provider, API: api, Outcome: Unknown}
	if api == "" {
		result.API = keycheck.Guess(provider)
	}
	key, err := client.GetField(ctx, provider, o.Field)
	switch {
	case errors.Is(err, vaultkit.ErrFieldMissing):
		result.API, result.Detail = "", fmt.Sprintf("the secret has no field %q; name another one with --field", o.Field)
		return attempt{Result: result}
	case err != nil:
		return attempt{Result: result, err: err}
	case result.API == "":
		result.Detail = "no API is known for this name; add --with " + provider + "=API"
		return attempt{Result: result}
	}
	verifier, err := keycheck.New("with", result.API, verify.Field(o.Field), verify.Wait(0)) // in force: the first outcome counts
	if err == nil {
		err = verifier(ctx, vaultkit.Target{Provider: provider}, vaultkit.ProviderKeys{o.Field: key})
	}
	switch {
	case err == nil:
		result.Outcome = Works
	case errors.Is(err, verify.ErrRejected):
		result.Outcome, result.Detail = Rejected, err.Error()
	default:
		result.Detail = exitcode.Text(err)
	}
	return attempt{Result: result}
}

// split returns the results, and the errors of keys that could not be read.
func split(tried []attempt) (results []Result, failures []error) {
	for _, one := range tried {
		switch {
		case one.skipped:
		case one.err != nil:
			failures = append(failures, one.err)
		default:
			results = append(results, one.Result)
		}
	}
	return results, failures
}

// outcome returns an error unless all keys work. A rejected key counts most, then a key that
// could not be read. It prints the errors that it does not return.
func (o *Options) outcome(results []Result, failures []error) error {
	count := make(map[Outcome]int)
	for _, r := range results {
		count[r.Outcome]++
	}
	var err error
	switch {
	case count[Rejected] > 0:
		err = exitcode.WithCode(fmt.Errorf("%d of %d keys are rejected, %d unknown", count[Rejected], len(results), count[Unknown]), exitcode.Due)
	case len(failures) > 0:
		err, failures = failures[0], failures[1:]
	case count[Unknown] > 0:
		err = exitcode.WithCode(fmt.Errorf("cannot tell for %d of %d keys whether they work", count[Unknown], len(results)), exitcode.Unavailable)
	}
	for _, failure := range failures {
		o.IO.PrintError(failure)
	}
	return err
}
