package vaultkit

import (
	"cmp"
	"context"
	"iter"

	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/vaulterr"
)

// RotateResult is what [Client.RotateAll] did with one provider: Rotation and Err are what
// Rotate returned.
type RotateResult struct {
	Provider string
	Rotation *Rotation
	Err      error
}

// defaultWorkers is how many providers RotateAll rotates at once by default.
const defaultWorkers = 8

// RotateAll rotates many providers, workers of them at once (0: 8), and yields a result
// for each, in the order given. Each rotation is independent: one that fails does not stop
// the others, and there is no atomicity across them. The source is asked once for each
// provider, concurrently. Leaving the loop starts no more rotations, waits for those that
// run, and drops their results. To get all results, run the loop to its end, and cancel ctx
// to end it early.
//
// A cancelled ctx ends RotateAll as it ends Rotate; providers that were not begun yield its
// error. Invalid input (no source, a bad name, a name given twice) yields one ErrInvalid for
// each provider that is wrong, and nothing is rotated. Errors and rights: those of Rotate.
func (c *Client) RotateAll(ctx context.Context, workers int, providers []string, source Source, opts ...RotateOption) iter.Seq[RotateResult] {
	return func(yield func(RotateResult) bool) {
		if faults := checkBulk(workers, providers, source); len(faults) > 0 {
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

func checkBulk(workers int, providers []string, source Source) (faults []RotateResult) {
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
