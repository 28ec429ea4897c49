package difftest_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"goblin/vaultkit/internal/vaulttest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	vaulttest.MainWith(m, func(vaulttest.Vault) { setChecks() }, func() error { return nil })
}

// workers is the number of sequences that run at once. Each has a mount of its own on both
// servers, because the settings of a mount count for all its keys.
const workers = 4

// operations is how many requests the comparison sends: enough to find every planted
// difference many times, or a million with VAULTKIT_LONG=1.
func operations() int {
	if vaulttest.Long() {
		return 1_000_000
	}
	return 20_000
}

// setChecks makes rapid draw as many sequences as the operations need, and gives a million
// of them the time that they take.
func setChecks() {
	const average = length * 6 / 10 // a little less than measured
	set("rapid.checks", fmt.Sprint(operations()/workers/average+1))
	if vaulttest.Long() {
		set("test.timeout", "60m")
	}
}

func set(name, value string) {
	if err := flag.Set(name, value); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
