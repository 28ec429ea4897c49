package clienttest

import (
	"slices"
	"sync"

	"goblin/vaultkit"
)

// EventLog keeps the events that an observer was told of. The zero value is empty.
type EventLog struct {
	mu     sync.Mutex
	events []vaultkit.Event
}

// Add is the observer.
func (l *EventLog) Add(e vaultkit.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// All returns the events in their order.
func (l *EventLog) All() []vaultkit.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}

// Of returns the events of one kind, in their order.
func (l *EventLog) Of(kind vaultkit.EventKind) (found []vaultkit.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}
