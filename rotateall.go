package vaultkit

import (
	"cmp"
	"context"
	"iter"

	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/vaulterr"
)

// RotateResult is what [Client.RotateAll] yields for one provider.
type RotateResult struct {
	Provider string    // one of those given to RotateAll
	Rotation *Rotation // what Rotate returned; may be nil if Err is set
	Err      error     // what Rotate returned
}

// defaultWorkers is how many providers RotateAll rotates at once by default.
const defaultWorkers = 8

// RotateAll rotates many providers, at most workers of them at once (0: 8), and yields a result for
// each, in the given order. The loop blocks until the next result is there. Each rotation is
// independent: if one fails, the others go on. The rotations together are not atomic. The source is
// called once for each provider, concurrently.
//
// After a break, no further rotation begins; the loop waits for the running ones and drops their
// results. To end early and get every result, cancel ctx and run the loop to its end. Providers
// whose rotation had not begun then yield the error of ctx.
//
// Errors and rights: those of Rotate. For invalid input (no source, an invalid name, a name that is
// given twice), nothing is rotated, and each invalid provider yields an ErrInvalid.
func (c *Client) RotateAll(
	ctx context.Context, workers int, providers []string, source Source, opts ...RotateOption,
) iter.Seq[RotateResult] {
	return func(yield func(RotateResult) bool) {
		if faults := checkRotateAll(workers, providers, source); len(faults) > 0 {
			for _, fault := range faults {
				if !yield(fault) {
					return
				}
			}
			return
		}
		rotations := parallel.Stream(cmp.Or(workers, defaultWorkers), providers, func(provider string) RotateResult {
			rotation, err := c.Rotate(ctx, provider, source, opts...)
			return RotateResult{provider, rotation, err}
		})
		for one := range rotations {
			if !yield(one) {
				return
			}
		}
	}
}

func checkRotateAll(workers int, providers []string, source Source) (faults []RotateResult) {
	seen := make(map[string]bool, len(providers))
	for _, provider := range providers {
		err := cmp.Or(checkProvider(provider), checkSource(source))
		switch {
		case err != nil:
		case workers < 0:
			err = vaulterr.Invalid("the number of workers is negative")
		case seen[provider]:
			err = vaulterr.Invalid("the provider is named twice")
		default:
			seen[provider] = true
			continue
		}
		faults = append(faults, RotateResult{Provider: provider, Err: vaulterr.WithOp("RotateAll", provider, err)})
	}
	return faults
}
