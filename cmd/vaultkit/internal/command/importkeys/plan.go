package importkeys

import (
	"context"
	"errors"
	"maps"
	"strings"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/namelist"
)

// The actions of a plan.
const (
	actionCreate    = "create"
	actionRotate    = "rotate"
	actionUnchanged = "unchanged" // Vault has these values
	actionSkip      = "skip"      // a conflict, with --on-conflict skip
	actionRefuse    = "refuse"    // a conflict: nothing is written
)

// step is what is done for one provider.
type step struct {
	*target
	action string
	reason string                // of skip and refuse; for create: what is not known
	kind   error                 // of refuse
	stored vaultkit.ProviderKeys // what rotate replaces; nil: it has a field that is not text
}

// plan compares the targets with Vault.
func (o *Options) plan(ctx context.Context, client *vaultkit.Client, targets []*target) ([]*step, error) {
	var steps []*step
	count, done := o.IO.Progress("reading", len(targets))
	defer done()
	for _, one := range targets {
		planned, err := o.planOne(ctx, client, one)
		if err != nil {
			return nil, err
		}
		steps = append(steps, planned)
		count()
	}
	return steps, nil
}

func (o *Options) planOne(ctx context.Context, client *vaultkit.Client, to *target) (*step, error) {
	stored, err := client.GetProviderKeys(ctx, to.provider)
	switch {
	case errors.Is(err, vaultkit.ErrNotFound):
		return &step{target: to, action: actionCreate}, nil
	case errors.Is(err, vaultkit.ErrPermissionDenied):
		return &step{target: to, action: actionCreate, reason: "if it does not exist: this token cannot read it"}, nil
	case errors.Is(err, vaultkit.ErrDeleted):
		return o.conflict(ctx, client, &step{target: to, reason: "its current version is deleted", kind: vaultkit.ErrDeleted})
	case errors.Is(err, vaultkit.ErrInvalid) && fieldOf(err) != "": // of the stored secret
		return o.conflict(ctx, client, &step{target: to, reason: "it has a field that is not text", kind: vaultkit.ErrConflict})
	case err != nil:
		return nil, err
	case holds(stored, to.keys):
		return &step{target: to, action: actionUnchanged}, nil
	}
	return o.conflict(ctx, client, &step{target: to, reason: o.differences(stored, to.keys), kind: vaultkit.ErrConflict, stored: stored})
}

func fieldOf(err error) string {
	why, ok := errors.AsType[*vaultkit.Error](err)
	if !ok {
		return ""
	}
	return why.Field
}

// conflict decides what is done with a provider that exists. A rotation is tried before anything
// is written.
func (o *Options) conflict(ctx context.Context, client *vaultkit.Client, s *step) (*step, error) {
	switch {
	case o.OnConflict == conflictSkip:
		s.action = actionSkip
	case o.OnConflict == conflictRotate && errors.Is(s.kind, vaultkit.ErrConflict):
		s.action = actionRotate
		planned, err := o.rotate(ctx, client, s, vaultkit.WithDryRun())
		if errors.Is(err, vaultkit.ErrNoChange) || err == nil && planned.Resumed { // only a field that is not imported is not text
			return &step{target: s.target, action: actionUnchanged}, nil
		}
		return s, err
	default:
		s.action = actionRefuse
	}
	return s, nil
}

func (o *Options) rotate(ctx context.Context, client *vaultkit.Client, s *step, more ...vaultkit.RotateOption) (*vaultkit.Rotation, error) {
	fields := make(map[string]any, len(s.keys))
	for name, value := range s.keys {
		fields[name] = value
	}
	actor, reason := o.Attribution.Options()
	return client.Rotate(ctx, s.provider, vaultkit.NewFields(fields), append(more, actor, reason, vaultkit.AddFields())...)
}

// holds reports whether a secret has these fields. It may have more.
func holds(stored, keys vaultkit.ProviderKeys) bool {
	merged := maps.Clone(stored)
	maps.Copy(merged, keys)
	return maps.Equal(merged, stored)
}

// differences names the fields that differ.
func (o *Options) differences(stored, keys vaultkit.ProviderKeys) string {
	var other, missing []string
	for _, name := range keys.Fields() {
		switch value, has := stored[name]; {
		case !has:
			missing = append(missing, name)
		case value != keys[name]:
			other = append(other, name)
		}
	}
	var parts []string
	if len(other) > 0 {
		parts = append(parts, "it has another "+namelist.Join(other, " and "))
	}
	if len(missing) > 0 {
		fields, them := "field ", "it"
		if len(missing) > 1 {
			fields, them = "fields ", "them"
		}
		parts = append(parts, "it lacks the "+fields+namelist.Join(missing, " and "))
		if len(other) == 0 && o.OnConflict != conflictRotate {
			parts = append(parts, "--on-conflict rotate adds "+them)
		}
	}
	return strings.Join(parts, "; ")
}

// refused returns the error for the conflicts of a plan.
func (o *Options) refused(steps []*step) error {
	var taken, deleted []string
	for _, s := range steps {
		switch {
		case s.action != actionRefuse:
		case errors.Is(s.kind, vaultkit.ErrDeleted):
			deleted = append(deleted, s.provider)
		default:
			taken = append(taken, s.provider)
		}
	}
	switch {
	case len(taken) > 0:
		why := "these providers have other values in Vault"
		if len(deleted) > 0 {
			why += ", or are deleted"
		}
		return refusal(vaultkit.ErrConflict, why, append(taken, deleted...),
			"To leave them as they are, add --on-conflict skip. To replace their values, with a backup, add --on-conflict rotate.")
	case len(deleted) > 0:
		return refusal(vaultkit.ErrDeleted, "the current version of these providers is deleted", deleted,
			"To leave them deleted, add --on-conflict skip. To store a secret there, use vaultkit put --replace-deleted.")
	}
	return nil
}

func refusal(kind error, why string, providers []string, hint string) error {
	return exitcode.WithHint(&vaultkit.Error{Kind: kind, Hint: "see the table for each",
		Detail: "nothing was imported, because " + why + ": " + namelist.First(providers, mostNames)}, hint)
}
