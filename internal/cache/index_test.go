package cache

import (
	"strconv"
	"sync"
	"testing"
)

// look is what readers do.
func (x *index[V]) find(mu *sync.Mutex, name string) (e *entry[V], missed bool) {
	if e = x.lookup(name); e != nil {
		return e, false
	}
	mu.Lock()
	defer mu.Unlock()
	return x.lookupSlow(name), true
}

// Copying costs no more than what was missed before, however many names come to be,
// one after the other, and in the end nothing is missed.
func TestIndexCopiesNoMoreThanIsMissed(t *testing.T) {
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
			t.Fatalf("%d: found %v", i, e)
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
		t.Errorf("copied %d entries for %d misses", copied, misses)
	}
	for range names {
		read(names - 1)
	}
	before := misses
	for i := range names {
		read(i)
	}
	if misses != before {
		t.Errorf("%d of %d names are missed still", misses-before, names)
	}
}

// Nobody finds what was removed, whoever has read it before, and what takes its place
// is found.
func TestIndexForgets(t *testing.T) {
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
		t.Fatal("not in the copy")
	}
	x.remove(one)
	if e, _ := x.find(&mu, "one"); e != nil {
		t.Error("found again")
	}
	if e, _ := x.find(&mu, "other"); e != other {
		t.Error("the other one is gone, too")
	}
	again := &entry[number]{name: "one"}
	x.add(again)
	if e, _ := x.find(&mu, "one"); e != again {
		t.Error("its successor is not found")
	}
	x.clear()
	if e, _ := x.find(&mu, "other"); e != nil {
		t.Error("found after clear")
	}
}

// Readers, and what they read coming and going: for the race detector above all.
func TestIndexIsReadWhileItChanges(t *testing.T) {
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
					t.Error("lost")
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
