package event_test

import (
	"errors"
	"fmt"
	"time"

	"goblin/vaultkit/event"
)

// Raise an alarm when a service uses an old key, and when a rotation fails. Pass the function to
// vaultkit.WithObserver. Here it gets the events of an outage.
func ExampleEvent() {
	alarm := func(e event.Event) {
		switch {
		case e.Kind == event.Stale:
			fmt.Printf("%s: serving version %d: %v\n", e.Provider, e.Version, e.Err)
		case e.Kind == event.Rotation && e.Phase == event.Failed:
			fmt.Printf("%s: rotation failed: %v\n", e.Provider, e.Err)
		}
	}
	down := errors.New("vault unavailable")
	alarm(event.Event{Kind: event.Read, Provider: "anthropic", Version: 2, Took: 3 * time.Millisecond})
	alarm(event.Event{Kind: event.Stale, Provider: "openai-gpt4", Version: 7, Err: down})
	alarm(event.Event{Kind: event.Rotation, Provider: "openai-gpt4", Phase: event.Failed, Err: down})
	// Output:
	// openai-gpt4: serving version 7: vault unavailable
	// openai-gpt4: rotation failed: vault unavailable
}
