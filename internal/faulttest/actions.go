package faulttest

import (
	"fmt"
	"sync"
	"sync/atomic"

	"goblin/vaultkit/internal/faultproxy"
)

// actions are the proxy's actions by the tag of their request.
type actions struct {
	last  atomic.Int64
	byTag sync.Map
}

// register adds an action and returns the tag that the request must carry.
func (a *actions) register(name string, action faultproxy.Action) (tag string) {
	tag = fmt.Sprintf("%s %d", name, a.last.Add(1))
	a.byTag.Store(tag, action)
	return tag
}

// rule is the proxy's rule: an action is applied once.
func (a *actions) rule(r faultproxy.Request) faultproxy.Action {
	action, ok := a.byTag.LoadAndDelete(r.Tag)
	if !ok {
		return faultproxy.Pass
	}
	return action.(faultproxy.Action)
}
