package rotation

import (
	"context"

	"goblin/vaultkit/event"
)

// Rotate runs one rotation, from reading the provider to writing the record. The root package's
// Rotate lists its errors.
func (e *Engine) Rotate(ctx context.Context, request Request) (result *Result, err error) {
	defer func() { e.rememberEnd(request, err) }()
	tx, resumed, err := e.begin(ctx, request)
	if err != nil || resumed != nil {
		return resumed, err
	}
	if request.DryRun {
		return tx.dryRunResult(ctx), nil
	}
	return tx.run(ctx)
}

// run performs steps 2 to 6, which write to Vault, and reports the end to the observer.
func (tx *transaction) run(ctx context.Context) (*Result, error) {
	return tx.reportEnd(tx.steps(ctx))
}

func (tx *transaction) steps(ctx context.Context) (*Result, error) {
	tx.reportPhase(event.Begun, tx.source.Version)
	defer tx.listUnrecorded(ctx)()
	if err := tx.backUp(ctx); err != nil {
		return nil, tx.failedBeforeCommit(ctx, err)
	}
	tx.reportPhase(event.BackedUp, tx.source.Version)
	if err := tx.prepareCommit(ctx); err != nil {
		return nil, tx.failedBeforeCommit(ctx, err)
	}
	outcome, evidence, err := tx.commit(ctx)
	if err != nil {
		return nil, err
	}
	tx.reportCommit(outcome, evidence)
	return tx.finish(ctx, outcome, evidence)
}
