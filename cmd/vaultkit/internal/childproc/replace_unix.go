//go:build unix

package childproc

import "syscall"

// become replaces this program with the command. The process, terminal, signals and
// exit code are then those of the command, and no process of vaultkit holds a key.
func become(path string, args, environ []string) error {
	return syscall.Exec(path, args, environ) //nolint:gosec // running the user's own command is what exec is for
}
