//go:build !race

package faulttest_test

import "math"

// The numbers of schedules: all of those with one fault or one rival run. Of those with two,
// each operation runs a sample, which is larger for operations with one ending. A run needs a
// minimum number in all.
var usualSample = sampleSize{always: math.MaxInt, drawn: 4, drawnOfOneEnding: 16, fewest: 8200, control: math.MaxInt}
