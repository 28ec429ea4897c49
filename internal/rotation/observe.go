package rotation

import (
	"time"

	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/protocol"
)

func (e *Engine) observe(what event.Event) {
	if e.Observe != nil {
		e.Observe(what)
	}
}

// reportPhase tells the observer that the rotation has reached a phase.
func (tx *transaction) reportPhase(phase event.Phase, version int) {
	tx.observe(event.Event{Kind: event.Rotation, Provider: tx.request.Provider, ID: tx.id.String(),
		Phase: phase, Version: version, Took: time.Since(tx.started)})
}

// reportCommit tells the observer about a commit that was applied.
func (tx *transaction) reportCommit(outcome protocol.Outcome, evidence protocol.Evidence) {
	if outcome != protocol.Committed {
		return
	}
	version := tx.source.Version + 1
	tx.reportPhase(event.Committed, version)
	if tx.OnCommit != nil && evidence == protocol.Acknowledged {
		tx.OnCommit(tx.request.Provider, kv.Secret{Data: tx.next, Version: version, Created: tx.committed})
	}
}

// reportEnd tells the observer how the rotation ended, and returns its arguments.
func (tx *transaction) reportEnd(result *Result, err error) (*Result, error) {
	if err == nil {
		tx.reportPhase(event.Recorded, result.Record.NewVersion)
		return result, nil
	}
	tx.observe(event.Event{Kind: event.Rotation, Provider: tx.request.Provider, ID: tx.id.String(),
		Phase: event.Failed, Took: time.Since(tx.started), Err: err})
	return result, err
}
