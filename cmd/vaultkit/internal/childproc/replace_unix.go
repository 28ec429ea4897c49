//go:build unix

package childproc

import "syscall"

// become replaces this program by a command: its process, terminal, signals and exit
// code are the command's own then, and nothing is left that holds a key.
func become(path string, args, environ []string) error {
	return syscall.Exec(path, args, environ) //nolint:gosec // running the user's own command is what exec is for
}
