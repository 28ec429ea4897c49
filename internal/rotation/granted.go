package rotation

import (
	"context"
	"time"
)

// grantedFor is how long a rotation relies on Vault's answer that the token has the capabilities.
// A policy can change at any moment, so no answer is a guarantee: each step of a rotation
// handles a denial itself.
const grantedFor = 30 * time.Second

// grant names the capabilities that a rotation needs. They follow from these three.
type grant struct {
	provider                    string
	allowRevoked, revokesUnused bool
}

func grantFor(r Request) grant { return grant{r.Provider, r.AllowRevoked, r.RevokesUnused} }

// checkGranted checks the capabilities that this run uses. It does not ask again if Vault has
// just confirmed them for this client. A dry run always asks, and so does a source that issues
// a key, because a missing capability would leave that key unused at the provider.
func (tx *transaction) checkGranted(ctx context.Context) error {
	wanted := grantFor(tx.request)
	if tx.request.IssuesNoKey && !tx.request.DryRun && tx.confirmed(wanted) {
		return nil
	}
	if err := tx.checkCapabilities(ctx, tx.request.Provider, tx.requiredCapabilities()); err != nil {
		return err
	}
	tx.granted.Store(wanted, tx.started)
	return nil
}

// confirmed reports whether Vault confirmed the capabilities less than grantedFor ago. The clock
// may have been set back.
func (tx *transaction) confirmed(wanted grant) bool {
	at, found := tx.granted.Load(wanted)
	return found && tx.started.Sub(at.(time.Time)).Abs() < grantedFor
}

// forgetGrant makes the next rotation of the provider ask for the capabilities: one that failed
// may have lost some.
func (e *Engine) forgetGrant(r Request) { e.granted.Delete(grantFor(r)) }
