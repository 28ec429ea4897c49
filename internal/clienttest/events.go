package clienttest

import (
	"slices"
	"sync"

	"goblin/vaultkit/event"
)

// EventLog keeps the events of an observer. The zero value is empty.
type EventLog struct {
	mu     sync.Mutex
	events []event.Event
}

// Add is the observer. It keeps an event.
func (l *EventLog) Add(e event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// All returns the events in their order.
func (l *EventLog) All() []event.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}

// Of returns the events of one kind, in their order.
func (l *EventLog) Of(kind event.Kind) (found []event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}
