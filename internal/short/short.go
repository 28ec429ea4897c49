// Package short skips tests under go test -short. Only tests import it.
package short

import "testing"

// RealOnly skips a test under -short, because it needs what the Vault in the process does not
// have. realvault.SkipOnOpenBao is the only other reason to skip a test.
func RealOnly(t testing.TB, what string) {
	t.Helper()
	if testing.Short() {
		t.Skipf("needs %s, which -short does not start", what)
	}
}
