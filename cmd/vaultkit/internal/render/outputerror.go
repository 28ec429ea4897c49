package render

import "fmt"

// OutputError returns the error of telling what is done, if that failed. It says what is done:
// whoever knew the exit code alone could take it for undone, and revoke a key that is
// in force.
func OutputError(done string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s; only printing that failed: %w", done, err)
}
