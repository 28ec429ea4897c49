package render

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// Failure adds to the error of a rotation what is now in Vault, where the error alone
// does not say it. The connection flags are those of the call.
func (p *Printer) Failure(ctx context.Context, provider, connection string, r *vaultkit.Rotation, err error) error {
	switch {
	case errors.Is(err, vaultkit.ErrUndetermined):
		if p.JSON {
			p.printUndetermined(provider, r, err)
		}
		return exitcode.WithHint(err, undetermined(provider, connection, r, err))
	case ctx.Err() != nil:
		return exitcode.WithHint(err, "Interrupted before anything was applied: "+provider+" has not changed.")
	case refusedForRevocation(err):
		return exitcode.WithHint(err, "If the key still works, add --allow-revoked.")
	}
	return err
}

// refusedForRevocation: a conflict over a version names it, one over a key names the rotation
// alone.
func refusedForRevocation(err error) bool {
	why, ok := errors.AsType[*vaultkit.Error](err)
	return ok && errors.Is(err, vaultkit.ErrConflict) && why.ID != "" && why.Version == 0
}

// printUndetermined gives a script what is known: the rotation where only its record
// is missing, and else the id to look for.
func (p *Printer) printUndetermined(provider string, r *vaultkit.Rotation, err error) {
	if r != nil {
		_ = p.Value(r) // the error that follows weighs more than a closed pipe
		return
	}
	open := struct {
		ID       string `json:"id"`
		Provider string `json:"provider"`
		Outcome  string `json:"outcome"`
	}{Provider: provider, Outcome: "undetermined"}
	if more, ok := errors.AsType[*vaultkit.Error](err); ok {
		open.ID = more.ID
	}
	_ = p.Value(open)
}

func undetermined(provider, connection string, r *vaultkit.Rotation, err error) string {
	advice := "It is not known yet whether the new secret was stored."
	if r != nil {
		advice = fmt.Sprintf("The new secret is committed, version %s; only its audit record is missing.", Versions(r.Record))
	}
	if more, ok := errors.AsType[*vaultkit.Error](err); ok && more.ID != "" {
		advice += "\nThe rotation's id: " + more.ID
	}
	return advice + "\n" + SettleHint(connection, provider)
}

// SettleHint is the command that finds out what became of rotations.
func SettleHint(connection string, providers ...string) string {
	return "To settle it, run: vaultkit recover " + strings.Join(providers, " ") + connection
}
