package faulttest

import (
	"fmt"
	"sync"
	"sync/atomic"

	"goblin/vaultkit/internal/faultproxy"
)

// actions are what the fault proxy does to which request, by its tag.
type actions struct {
	last  atomic.Int64
	byTag sync.Map
}

// register notes an action and returns the tag to send the request with.
func (a *actions) register(name string, action faultproxy.Action) (tag string) {
	tag = fmt.Sprintf("%s %d", name, a.last.Add(1))
	a.byTag.Store(tag, action)
	return tag
}

// rule is the proxy's: an action happens once.
func (a *actions) rule(r faultproxy.Request) faultproxy.Action {
	action, ok := a.byTag.LoadAndDelete(r.Tag)
	if !ok {
		return faultproxy.Pass
	}
	return action.(faultproxy.Action)
}
