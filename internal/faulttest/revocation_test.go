package faulttest_test

import (
	"context"
	"errors"
	"maps"
	"slices"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/faulttest"
	"goblin/vaultkit/internal/vaulttest"
)

// The fields of the actors that bring the old key back, and of those that issue new keys. The second one
// writes the old key in another form.
var (
	backFields   = map[string]any{"api_key": "fake-initial", "by_back": "yes"}
	spacedFields = map[string]any{"api_key": "fake-initial\n", "by_spaced": "yes"}
	issuedFields = map[string]any{"api_key": "fake-issued", "by_issue": "fake-by-issue"}
	jobFields    = map[string]any{"api_key": "fake-issued", "by_job": "fake-by-job"}
)

// recordingRevoker records the keys that RevokeOld and sources revoke.
type recordingRevoker struct{ *faulttest.ProviderAPI }

func (a recordingRevoker) Revoke(ctx context.Context, _ vaultkit.Target, keys vaultkit.ProviderKeys) error {
	return a.AddRevoked(ctx, keys.Reveal())
}

// issuingSource is a source whose provider's API returns the same key for the same name, and revokes it.
type issuingSource struct {
	recordingRevoker
	fields     map[string]any
	unverified error
}

func (i issuingSource) Name() string { return "issuer" }

func (i issuingSource) NewFields(context.Context, vaultkit.Target) (map[string]any, error) {
	return maps.Clone(i.fields), nil
}

func (i issuingSource) Verify(context.Context, vaultkit.Target, vaultkit.ProviderKeys) error {
	return i.unverified
}

var errUnverified = errors.New("the key is not known yet")

// newRevoker returns the revoker of one run. Its requests have no faults and do not end with the run.
func newRevoker(ctx context.Context, run *faulttest.Run, who string, unused bool) recordingRevoker {
	api, err := run.NewProviderAPI(context.WithoutCancel(ctx), who, unused)
	vaulttest.Must(err)
	return recordingRevoker{api}
}

// operationsOnKeys returns the operations that revoke keys or bring them back.
func (c *harness) operationsOnKeys() []*faulttest.Operation {
	ops := []*faulttest.Operation{c.revocation(), c.revocationOfUndecided(), c.revokeUnused(), c.issue(), c.back(), c.restore(), c.rollbackBesideRestore()}
	for _, op := range ops {
		op.OneEnding = true
	}
	return ops
}

// revocation revokes what the earlier rotation replaced.
func (c *harness) revocation() *faulttest.Operation {
	return &faulttest.Operation{
		Name:      "revoke",
		Prepare:   c.prepareRotated,
		Wants:     func(*faulttest.Run) faulttest.Change { return faulttest.Change{} },
		Run:       revokeAs(c.disturbedRevoker, "victim"),
		Rerun:     revokeAs(c.revoker, "rerun"),
		Contested: true,
		Rivals:    []string{faulttest.Twin, "rollback", "back", "spaced", "allowed", "restored", "take-back", "hidden", "dying", "put-old", "delete", "abort", faulttest.Prune},
	}
}

// revocationOfUndecided is refused, because a rollback to the old key may still be committed.
func (c *harness) revocationOfUndecided() *faulttest.Operation {
	op := c.revocation()
	op.Name, op.Prepare, op.Refused = "revoke-undecided", c.prepareRollingBack, true
	op.Rivals = []string{"arrival", "settled", "back", "abort", "other", faulttest.Twin}
	return op
}

func revokeAs(client *vaultkit.Client, who string) func(context.Context, *faulttest.Run) faulttest.Response {
	return func(ctx context.Context, run *faulttest.Run) faulttest.Response {
		_, err := client.RevokeOld(ctx, run.Provider, run.Target, newRevoker(ctx, run, who, false),
			vaultkit.IgnoreOtherProviders()) // other schedules use the same keys
		told := responseOf(who, faulttest.Change{}, nil, err)
		told.Revoked = run.Target
		return told
	}
}

// rivalsOfSources are the actors that may run between a source's rotation and its end. One of
// them is another job with the same key.
var rivalsOfSources = []string{faulttest.Twin, "job", "other", "revoke", "rollback", "back", "restored"}

// revokeUnused is a rotation whose new key fails the verification, so its source revokes the
// key. Its rerun is a job that gets the same key, which then passes.
func (c *harness) revokeUnused() *faulttest.Operation {
	return &faulttest.Operation{
		Name:    "take-back",
		Prepare: c.prepareRotated,
		Wants:   wants(issuedFields),
		Run:     c.issueAs(c.victim, "victim", errUnverified),
		Rerun:   c.issueAs(c.rotator, "rerun", nil),
		Refused: true,
		Rivals:  rivalsOfSources,
	}
}

// issue is a rotation whose source revokes its key only if the rotation certainly failed.
func (c *harness) issue() *faulttest.Operation {
	return &faulttest.Operation{
		Name:    "issue",
		Prepare: c.prepareRotated,
		Wants:   wants(issuedFields),
		Run:     c.issueAs(c.victim, "victim", nil),
		Rerun:   c.issueAs(c.rotator, "rerun", nil),
		Rivals:  rivalsOfSources,
	}
}

func (c *harness) issueAs(client *vaultkit.Client, who string, unverified error) func(context.Context, *faulttest.Run) faulttest.Response {
	return func(ctx context.Context, run *faulttest.Run) faulttest.Response {
		source := issuingSource{newRevoker(ctx, run, who, true), issuedFields, unverified}
		r, err := client.Rotate(ctx, run.Provider, source, vaultkit.WithActor(who), vaultkit.AddFields())
		return responseOf(who, faulttest.Change{Merge: issuedFields}, r, err)
	}
}

// back is a rotation to the old key.
func (c *harness) back() *faulttest.Operation {
	return &faulttest.Operation{
		Name:    "back",
		Prepare: c.prepareRotated,
		Wants:   wants(backFields),
		Run:     c.rotateAs(c.victim, "victim", backFields),
		Rerun:   c.rotateAs(c.rotator, "rerun", backFields),
		Rivals:  []string{faulttest.Twin, "revoke", "take-back", "rollback", "restored"},
	}
}

// rivalsWithKeys are the rivals that revoke keys or bring them back.
func (c *harness) rivalsWithKeys() map[string]faulttest.Act {
	return map[string]faulttest.Act{
		"revoke":    asRival(revokeAs(c.revoker, "rival")),
		"rollback":  asRival(c.rollbackAs(c.rotator, "rival")),
		"allowed":   asRival(c.rollbackAllowed),
		"restore":   asRival(c.restoreAs(c.rotator, "rival")),
		"restored":  inTurn(c.foreignDelete, asRival(c.restoreAs(c.rotator, "rival"))),
		"undelete":  c.foreignUndelete,
		"undeleted": inTurn(c.foreignUndelete, asRival(c.rollbackAs(c.rotator, "rival"))),
		"back":      asRival(c.rotateAs(c.rotator, "rival", backFields)),
		"spaced":    asRival(c.rotateAs(c.rotator, "rival", spacedFields)),
		"job":       asRival(c.rotateAs(c.rotator, "rival", jobFields)),
		"take-back": asRival(c.issueAs(c.rotator, "rival", errUnverified)),
		"hidden":    inTurn(asRival(c.rollbackAs(c.rotator, "rival")), c.foreignDelete),
		"dying":     c.dyingRollback,
		"settled":   inTurn(arrive, asRival(c.driver.Recover)),
		"put-old": func(ctx context.Context, run *faulttest.Run) error {
			return c.put(ctx, run, initialFields)
		},
	}
}

// asRival returns a rival that does this.
func asRival(act func(context.Context, *faulttest.Run) faulttest.Response) faulttest.Act {
	return func(ctx context.Context, run *faulttest.Run) error {
		run.AddResponse(act(ctx, run))
		return nil
	}
}

func inTurn(acts ...faulttest.Act) faulttest.Act {
	return func(ctx context.Context, run *faulttest.Run) error {
		for _, act := range acts {
			if err := act(ctx, run); err != nil {
				return err
			}
		}
		return nil
	}
}

// diesAtCommit is a rival that dies at its commit, which will still arrive. If its key is being
// revoked, it sends no commit.
func diesAtCommit(wants func(*faulttest.Run) faulttest.Change, change func(context.Context, *faulttest.Run, faulttest.Change) faulttest.Response) faulttest.Act {
	return func(ctx context.Context, run *faulttest.Run) error {
		op := &faulttest.Operation{Name: "doomed", Wants: wants, Run: func(ctx context.Context, run *faulttest.Run) faulttest.Response {
			return change(ctx, run, wants(run))
		}}
		_ = run.Kill(ctx, op, "PUT", "/data/"+vaulttest.Base+"/providers/", "dies-later")
		return nil
	}
}

// rollbackAs restores the backup of the earlier rotation.
func (c *harness) rollbackAs(client *vaultkit.Client, who string, opts ...vaultkit.RollbackOption) func(context.Context, *faulttest.Run) faulttest.Response {
	o := slices.Concat(opts, []vaultkit.RollbackOption{vaultkit.WithActor(who)})
	return func(ctx context.Context, run *faulttest.Run) faulttest.Response {
		r, err := client.Rollback(ctx, run.Provider, run.Target, o...)
		return responseOf(who, faulttest.Change{Restore: run.Target}, r, err)
	}
}

// rollbackAllowed brings a key back even if it was revoked.
func (c *harness) rollbackAllowed(ctx context.Context, run *faulttest.Run) faulttest.Response {
	told := c.rollbackAs(c.rotator, "rival", vaultkit.AllowRevoked())(ctx, run)
	told.Wants.AllowRevoked = true
	return told
}

// prepareRollingBack makes a provider with a rollback to the old key that died, and whose
// commit will still arrive.
func (c *harness) prepareRollingBack(ctx context.Context, run *faulttest.Run) error {
	if err := c.prepareRotated(ctx, run); err != nil {
		return err
	}
	return run.Kill(ctx, c.doomedRollback(), "PUT", "/data/"+vaulttest.Base+"/providers/", "dies-later")
}

func (c *harness) dyingRollback(ctx context.Context, run *faulttest.Run) error {
	rollback := c.rollbackAs(c.mortal, "doomed")
	back := func(run *faulttest.Run) faulttest.Change { return faulttest.Change{Restore: run.Target} }
	return diesAtCommit(back, func(ctx context.Context, run *faulttest.Run, _ faulttest.Change) faulttest.Response {
		return rollback(ctx, run)
	})(ctx, run)
}
