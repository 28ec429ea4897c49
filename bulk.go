package vaultkit

import (
	"cmp"
	"context"
	"iter"

	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/vaulterr"
)

// BulkRotation is what became of one provider of a RotateAll: Rotation and Err are
// what Rotate returned.
type BulkRotation struct {
	Provider string
	Rotation *Rotation
	Err      error
}

// DefaultWorkers is how many providers RotateAll rotates at once unless told
// otherwise.
const DefaultWorkers = 8

// RotateAll rotates many providers, workers of them at once (0: DefaultWorkers),
// and yields a result for each, in the order given. Each rotation stands for itself:
// one that fails does not stop the others, and there is no atomicity across them.
// The source is asked once for each provider, concurrently. Leaving the loop starts
// no more, waits for those that run, and drops their results: to know them all, go
// on to the end, and cancel ctx to end it early.
//
// A cancelled ctx ends it like Rotate; providers not begun by then yield its error.
// Invalid input (no source, a bad name, a name given twice) yields one result with
// ErrInvalid for each provider at fault and rotates nothing. Errors and rights: those
// of Rotate.
func (c *Client) RotateAll(ctx context.Context, workers int, providers []string, source Source, opts ...RotateOption) iter.Seq[BulkRotation] {
	return func(yield func(BulkRotation) bool) {
		if faults := checkBulk(workers, providers, source); len(faults) > 0 {
			for _, fault := range faults {
				if !yield(fault) {
					return
				}
			}
			return
		}
		rotations := parallel.Stream(cmp.Or(workers, DefaultWorkers), providers, func(provider string) BulkRotation {
			rotation, err := c.Rotate(ctx, provider, source, opts...)
			return BulkRotation{provider, rotation, err}
		})
		for one := range rotations {
			if !yield(one) {
				return
			}
		}
	}
}

func checkBulk(workers int, providers []string, source Source) (faults []BulkRotation) {
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
		faults = append(faults, BulkRotation{Provider: provider, Err: vaulterr.In("RotateAll", provider, err)})
	}
	return faults
}
