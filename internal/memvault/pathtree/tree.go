// Package pathtree stores values by path and lists directories without looking at what is
// elsewhere, because tests of vaultkit fill a mount with tens of thousands of keys.
package pathtree

import (
	"maps"
	"slices"
	"strings"
)

// Tree holds values by path. A path can have a value and be a directory too. The zero value
// is empty.
type Tree[V any] struct {
	children map[string]*Tree[V]
	value    V
	set      bool
}

// Get returns the value at a path, or the zero value.
func (t *Tree[V]) Get(path string) V {
	node := t.find(path)
	if node == nil {
		var none V
		return none
	}
	return node.value
}

// Set stores a value at a path.
func (t *Tree[V]) Set(path string, value V) {
	node := t
	for name := range strings.SplitSeq(path, "/") {
		if node.children == nil {
			node.children = make(map[string]*Tree[V])
		}
		if node.children[name] == nil {
			node.children[name] = new(Tree[V])
		}
		node = node.children[name]
	}
	node.value, node.set = value, true
}

// Delete removes the value at a path, and the directories that have nothing left.
func (t *Tree[V]) Delete(path string) {
	name, rest, deeper := strings.Cut(path, "/")
	child := t.children[name]
	if child == nil {
		return
	}
	if deeper {
		child.Delete(rest)
	} else {
		var none V
		child.value, child.set = none, false
	}
	if !child.set && len(child.children) == 0 {
		delete(t.children, name)
	}
}

// List returns the names directly below a directory, in order. A directory's name ends in a
// slash. dir is empty or ends in a slash.
func (t *Tree[V]) List(dir string) []string {
	node := t
	if dir, below := strings.CutSuffix(dir, "/"); below {
		node = t.find(dir)
	}
	if node == nil {
		return nil
	}
	names := make([]string, 0, len(node.children))
	for name, child := range node.children {
		if child.set {
			names = append(names, name)
		}
		if len(child.children) > 0 {
			names = append(names, name+"/")
		}
	}
	slices.Sort(names)
	return names
}

// All returns every value by its path.
func (t *Tree[V]) All() map[string]V {
	all := make(map[string]V)
	for name, child := range t.children {
		if child.set {
			all[name] = child.value
		}
		for path, value := range child.All() {
			all[name+"/"+path] = value
		}
	}
	return all
}

// Paths returns every path that has a value, in order.
func (t *Tree[V]) Paths() []string { return slices.Sorted(maps.Keys(t.All())) }

func (t *Tree[V]) find(path string) *Tree[V] {
	node := t
	for name := range strings.SplitSeq(path, "/") {
		if node = node.children[name]; node == nil {
			return nil
		}
	}
	return node
}
