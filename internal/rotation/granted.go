package rotation

import (
	"context"
	"errors"
	"time"

	"goblin/vaultkit/internal/vaulterr"
)

// grantedFor is how long a rotation relies on Vault's answer that the token has the capabilities.
// A policy can change at any moment, so no answer is a guarantee: each step of a rotation
// handles a denial itself.
const grantedFor = 10 * time.Second

// grant names the capabilities that a rotation needs. They follow from these two.
type grant struct {
	provider     string
	allowRevoked bool
}

func grantFor(r Request) grant { return grant{r.Provider, r.AllowRevoked} }

// confirmation is Vault's answer that a token has the capabilities.
type confirmation struct {
	at    time.Time // by the wall clock, which goes on while the machine sleeps
	login uint64    // the login that the token came from
}

// checkGranted checks the capabilities that this run uses. It does not ask again if Vault has
// just confirmed them for this client's token. A dry run always asks, and so does a source that
// issues a key, because a missing capability would leave that key unused at the provider.
func (tx *transaction) checkGranted(ctx context.Context) error {
	wanted, now := grantFor(tx.request), confirmation{tx.started.Round(0), tx.Logins()}
	if tx.request.IssuesNoKey && !tx.request.DryRun && tx.confirmed(wanted, now) {
		return nil
	}
	if err := tx.checkCapabilities(ctx, tx.request.Provider, tx.requiredCapabilities()); err != nil {
		return err
	}
	tx.granted.Store(wanted, now)
	return nil
}

// confirmed reports whether Vault confirmed the capabilities less than grantedFor ago, for the
// token of now. The clock may have been set back.
func (tx *transaction) confirmed(wanted grant, now confirmation) bool {
	seen, found := tx.granted.Load(wanted)
	if !found {
		return false
	}
	last := seen.(confirmation)
	return last.login == now.login && now.at.Sub(last.at).Abs() < grantedFor
}

// rememberEnd keeps what the end of a rotation means for the provider's next one. After a failure,
// that one asks for its capabilities. After an undetermined end, it must not take a denial for
// proof that no earlier run exists.
func (e *Engine) rememberEnd(r Request, err error) {
	switch {
	case err == nil:
		e.undetermined.Delete(r.Provider)
	case errors.Is(err, vaulterr.ErrUndetermined):
		e.undetermined.Store(r.Provider, true)
	}
	if err != nil {
		for _, allowRevoked := range []bool{false, true} {
			e.granted.Delete(grant{r.Provider, allowRevoked})
		}
	}
}

// endedUndetermined reports whether a rotation of the provider by this engine may still be applied.
func (e *Engine) endedUndetermined(provider string) bool {
	_, found := e.undetermined.Load(provider)
	return found
}
