package cache

import (
	"strconv"
	"sync"
	"testing"
)

// find looks an entry up as readers do.
func (x *index[V]) find(mu *sync.Mutex, name string) (e *entry[V], missed bool) {
	if e = x.lookup(name); e != nil {
		return e, false
	}
	mu.Lock()
	defer mu.Unlock()
	return x.lookupSlow(name), true
}

// TestIndex_CopiesNoMoreThanTheMisses checks that copying costs no more than the slow
// lookups, and that in the end every lookup is fast.
func TestIndex_CopiesNoMoreThanTheMisses(t *testing.T) {
	const names = 1000
	var (
		x              index[number]
		mu             sync.Mutex
		misses, copied int
	)
	read := func(i int) {
		before := x.snapshot.Load()
		e, missed := x.find(&mu, strconv.Itoa(i))
		if e == nil || e.name != strconv.Itoa(i) {
			t.Fatalf("find(%d) = %v, want the entry", i, e)
		}
		if missed {
			misses++
		}
		if after := x.snapshot.Load(); after != before {
			copied += len(*after)
		}
	}
	for n := range names {
		x.add(&entry[number]{name: strconv.Itoa(n)})
		for i := range n + 1 {
			read(i)
		}
	}
	if copied == 0 || copied > misses {
		t.Errorf("copied %d entries for %d misses, want 1 to as many", copied, misses)
	}
	for range names {
		read(names - 1)
	}
	before := misses
	for i := range names {
		read(i)
	}
	if misses != before {
		t.Errorf("%d of %d lookups are slow, want 0", misses-before, names)
	}
}

// TestIndex_Remove checks that a removed entry is not found, and that its replacement is.
func TestIndex_Remove(t *testing.T) {
	var (
		x  index[number]
		mu sync.Mutex
	)
	one, other := &entry[number]{name: "one"}, &entry[number]{name: "other"}
	for _, e := range []*entry[number]{one, other} {
		x.add(e)
		for range 3 {
			x.find(&mu, e.name)
		}
	}
	if x.lookup("one") != one || x.lookup("other") != other {
		t.Fatal("lookup does not find the entries, want them in the snapshot")
	}
	x.remove(one)
	if e, _ := x.find(&mu, "one"); e != nil {
		t.Error("find returns a removed entry, want nil")
	}
	if e, _ := x.find(&mu, "other"); e != other {
		t.Error("find of the other entry fails, want it kept")
	}
	again := &entry[number]{name: "one"}
	x.add(again)
	if e, _ := x.find(&mu, "one"); e != again {
		t.Errorf("find of a name that was added again = %p, want the new entry %p", e, again)
	}
	x.clear()
	if e, _ := x.find(&mu, "other"); e != nil {
		t.Error("find after clear returns an entry, want nil")
	}
}

// TestIndex_ConcurrentReads reads while entries are added and removed, mainly for the race
// detector.
func TestIndex_ConcurrentReads(t *testing.T) {
	var (
		x       index[number]
		mu      sync.Mutex
		readers sync.WaitGroup
	)
	x.add(&entry[number]{name: "kept"})
	for range 4 {
		readers.Go(func() {
			for range 10_000 {
				if e, _ := x.find(&mu, "kept"); e == nil {
					t.Error("find = nil, want the entry")
					return
				}
			}
		})
	}
	for i := range 1000 {
		e := &entry[number]{name: strconv.Itoa(i % 10)}
		mu.Lock()
		x.add(e)
		mu.Unlock()
		x.find(&mu, e.name)
		mu.Lock()
		x.remove(e)
		mu.Unlock()
	}
	readers.Wait()
}
