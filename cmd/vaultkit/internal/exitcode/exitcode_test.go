package exitcode

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"goblin/vaultkit"
)

func TestOf(t *testing.T) {
	t.Parallel()
	wrap := func(kind, cause error) error {
		return fmt.Errorf("outer: %w", &vaultkit.Error{Op: "Rotate", Kind: kind, Err: cause})
	}
	for _, tc := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("anything else"), 1},
		{context.Canceled, 1},
		{vaultkit.ErrClosed, 1},
		{vaultkit.ErrNotKVv2, 1},
		{UsageErrorf("wrong"), 2},
		{WithCode(errors.New("a key is due"), Due), 3},
		{&PassedOn{Code: 143}, 143},
		{Invalid("it", "is wrong", ""), 2},
		{vaultkit.ErrInvalid, 2},
		{vaultkit.ErrNotFound, 4},
		{vaultkit.ErrDeleted, 4},
		{vaultkit.ErrDestroyed, 4},
		{vaultkit.ErrFieldMissing, 4},
		{vaultkit.ErrMountNotFound, 4},
		{vaultkit.ErrConflict, 5},
		{vaultkit.ErrPermissionDenied, 6},
		{vaultkit.ErrUnauthenticated, 6},
		{vaultkit.ErrWrappingToken, 6},
		{vaultkit.ErrUnavailable, 7},
		{vaultkit.ErrSealed, 7},
		{wrap(vaultkit.ErrUnavailable, context.DeadlineExceeded), 7},
		{wrap(vaultkit.ErrUnavailable, context.Canceled), 1},
		{vaultkit.ErrUndetermined, 8},
		{wrap(vaultkit.ErrUndetermined, vaultkit.ErrConflict), 8},
		{wrap(vaultkit.ErrUndetermined, vaultkit.ErrNotFound), 8},
		{WithHint(wrap(vaultkit.ErrUndetermined, context.Canceled), "advice"), 8},
		{vaultkit.ErrNoChange, 9},
	} {
		if got := Of(tc.err); got != tc.want {
			t.Errorf("Of(%v) = %d, want %d", tc.err, got, tc.want)
		}
		if tc.err == nil || tc.want == Usage {
			continue
		}
		if got := Of(fmt.Errorf("wrapped: %w", tc.err)); got != tc.want {
			t.Errorf("Of(wrapped %v) = %d, want %d", tc.err, got, tc.want)
		}
	}
}
