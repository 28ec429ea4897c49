//go:build race

package faulttest_test

import "math"

// The race detector makes everything several times slower, so a quarter of the schedules run.
// See norace_test.go.
var usualSample = sampleSize{always: 1650, drawn: 6, drawnOfOneEnding: 12, fewest: 1650, control: math.MaxInt}
