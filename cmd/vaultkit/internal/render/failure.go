package render

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// Failure adds to the error of a rotation what Vault holds now. connection is the
// connection flags of the call.
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

// refusedForRevocation reports whether a conflict is about a revoked key. A conflict
// about a version names the version, this one only the rotation.
func refusedForRevocation(err error) bool {
	why, ok := errors.AsType[*vaultkit.Error](err)
	return ok && errors.Is(err, vaultkit.ErrConflict) && why.ID != "" && why.Version == 0
}

// printUndetermined prints JSON for scripts: the rotation if only its record is
// missing, otherwise its id.
func (p *Printer) printUndetermined(provider string, r *vaultkit.Rotation, err error) {
	if r != nil {
		_ = p.Value(r) // the error that is printed next is more important than a closed pipe
		return
	}
	result := struct {
		ID       string `json:"id"`
		Provider string `json:"provider"`
		Outcome  string `json:"outcome"`
	}{Provider: provider, Outcome: "undetermined"}
	if more, ok := errors.AsType[*vaultkit.Error](err); ok {
		result.ID = more.ID
	}
	_ = p.Value(result)
}

func undetermined(provider, connection string, r *vaultkit.Rotation, err error) string {
	advice := "It is not known yet whether the new secret was stored."
	if r != nil {
		advice = fmt.Sprintf("The new secret is committed, version %s; only its audit record is missing.", Versions(r.Record))
	}
	if more, ok := errors.AsType[*vaultkit.Error](err); ok && more.ID != "" {
		advice += "\nThe rotation's id: " + more.ID
	}
	return advice + "\n" + RecoverHint(connection, provider)
}

// RecoverHint returns the command that finds out what happened to rotations.
func RecoverHint(connection string, providers ...string) string {
	return "To find out and record it, run: vaultkit recover " + strings.Join(providers, " ") + connection
}
