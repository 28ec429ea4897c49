package exec

import (
	"context"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// watch refuses: Windows has no signal that asks a program to end, and no process groups
// that could be stopped as a whole.
func watch(context.Context, *Options, string) error {
	return exitcode.UsageErrorf("--watch does not work on Windows: run vaultkit exec without it, and restart it after a rotation")
}
