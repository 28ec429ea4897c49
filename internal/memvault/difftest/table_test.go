package difftest_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// table counts the compared exchanges by operation and status.
type table struct {
	mu     sync.Mutex
	counts map[string]map[int]int
}

func (t *table) add(op string, status int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = make(map[string]map[int]int)
	}
	if t.counts[op] == nil {
		t.counts[op] = make(map[int]int)
	}
	t.counts[op][status]++
}

func (t *table) total() (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, by := range t.counts {
		for _, count := range by {
			n += count
		}
	}
	return n
}

// String prints a row for each operation and a column for each status.
func (t *table) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	seen := make(map[int]bool)
	for _, by := range t.counts {
		for status := range by {
			seen[status] = true
		}
	}
	columns := slices.Sorted(maps.Keys(seen))
	var out strings.Builder
	fmt.Fprintf(&out, "%-18s", "operation")
	for _, status := range columns {
		fmt.Fprintf(&out, "%8d", status)
	}
	for _, op := range slices.Sorted(maps.Keys(t.counts)) {
		fmt.Fprintf(&out, "\n%-18s", op)
		for _, status := range columns {
			fmt.Fprintf(&out, "%8d", t.counts[op][status])
		}
	}
	return out.String()
}
