package authtest

import "testing"

// Detector is a test that is expected to find a difference: it notes a failure and does
// not fail.
type Detector struct {
	testing.TB
	found bool
}

// Errorf notes a difference.
func (d *Detector) Errorf(string, ...any) { d.found = true }

// Failed reports whether there was a difference.
func (d *Detector) Failed() bool { return d.found }
