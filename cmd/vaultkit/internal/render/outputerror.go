package render

import "fmt"

// OutputError returns an error if printing a result failed. It says what was done: with
// only the exit code, the user could think that nothing was done, and revoke a key that
// is in force.
func OutputError(done string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s; only printing that failed: %w", done, err)
}
