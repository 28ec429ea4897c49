package vaultkit_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/devvault"
	"goblin/vaultkit/internal/proof"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/internal/wire"
)

// Everybody writes a key and a field of their own, so that each version tells who
// wrote it, and who overwrote what they had not read.
var (
	initialFields   = map[string]any{"api_key": "fake-initial", "keep": "kept"}
	foreignFields   = map[string]any{"api_key": "fake-foreign", "keep": "changed"}
	victimFields    = map[string]any{"api_key": "fake-victim", "by_victim": "yes"}
	rivalFields     = map[string]any{"api_key": "fake-rival", "by_rival": "yes"}
	earlierFields   = map[string]any{"api_key": "fake-earlier", "by_earlier": "yes"}
	undecidedFields = map[string]any{"api_key": "fake-undecided", "by_undecided": "yes"}
)

// What foreign people and the observer may do.
const (
	foreignPolicy = `
path "secret/data/goblin-assistant/providers/+" { capabilities = ["create", "update", "delete"] }
path "auth/token/lookup-self" { capabilities = ["read"] }`
	observerPolicy = `
path "secret/data/goblin-assistant/*" { capabilities = ["read"] }
path "secret/metadata/goblin-assistant/*" { capabilities = ["read", "list"] }
path "secret/undelete/goblin-assistant/providers/+" { capabilities = ["update"] }`
)

// cast is everybody in a schedule. Only the victim and the recoverer can be
// disturbed: their requests go by the wire, where no schedule says otherwise like
// everybody else's.
type cast struct {
	server    *devvault.Server
	driver    *proof.Driver
	wire      *wire.Proxy
	victim    *vaultkit.Client // the rotator's policy
	recoverer *vaultkit.Client // the recoverer's
	rotator   *vaultkit.Client // the rotator's, undisturbed
	helper    *vaultkit.Client // the recoverer's, undisturbed
	foreign   *api.KVv2
}

// newCast starts a Vault without an audit log, which would be gigabytes.
func newCast(t *testing.T) *cast {
	t.Helper()
	c := &cast{server: vaulttest.Start(t, devvault.Options{})}
	if err := vaulttest.RootOf(t, c.server).Sys().DisableAuditWithContext(t.Context(), "file"); err != nil {
		t.Fatal(err)
	}
	proxy, err := wire.New(c.server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			t.Error(err)
		}
	})
	c.wire, c.driver = proxy, proof.NewDriver(proxy)
	c.victim, c.recoverer = c.disturbed(t, "rotator"), c.disturbed(t, "recoverer")
	c.rotator, c.helper = c.client(t, "rotator"), c.client(t, "recoverer")
	c.foreign = c.official(t, foreignPolicy).KVv2(vaulttest.Mount)
	c.driver.Observer = &proof.Observer{Client: c.official(t, observerPolicy), Mount: vaulttest.Mount, Base: vaulttest.Base}
	c.driver.Recover = recovered(c.helper)
	c.driver.Rivals = map[string]proof.Act{"other": c.rivalRotates, "put": c.foreignPut, "delete": c.foreignDelete}
	t.Cleanup(c.driver.Close) // before the clients close
	return c
}

// rivals are who comes in between.
var rivals = []string{"other", proof.Twin, "put", "delete", proof.Recover}

func (c *cast) client(t *testing.T, role string, opts ...vaultkit.Option) *vaultkit.Client {
	t.Helper()
	token := vaulttest.TokenOf(t, c.server, vaulttest.Policy(t, "", role))
	defaults := []vaultkit.Option{vaultkit.WithAddress(c.server.Addr()), vaultkit.WithToken(vaultkit.Value(token))}
	return newClient(t, append(defaults, opts...)...)
}

// disturbed is a client whose operations can be played. It does not wait long
// where the network is gone for good.
func (c *cast) disturbed(t *testing.T, role string) *vaultkit.Client {
	t.Helper()
	return c.client(t, role, vaultkit.WithAddress(c.wire.URL()), vaultkit.WithTransport(c.driver.Transport), vaultkit.WithRecordWait(500*time.Millisecond))
}

// official is a client of somebody who knows nothing of vaultkit.
func (c *cast) official(t *testing.T, policy string) *api.Client {
	t.Helper()
	client, err := api.NewClient(&api.Config{Address: c.server.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	client.SetToken(vaulttest.TokenOf(t, c.server, policy))
	t.Cleanup(client.CloneConfig().HttpClient.CloseIdleConnections)
	return client
}

func path(trial *proof.Trial) string { return vaulttest.Base + "/providers/" + trial.Provider }

// put is a foreign writer's blind write.
func (c *cast) put(ctx context.Context, trial *proof.Trial, fields map[string]any) error {
	written, err := c.foreign.Put(ctx, path(trial), fields)
	if err == nil {
		trial.Wrote(written.VersionMetadata.Version, fields)
	}
	return err
}

func (c *cast) foreignPut(ctx context.Context, trial *proof.Trial) error {
	return c.put(ctx, trial, foreignFields)
}

// foreignDelete soft-deletes whatever version is current.
func (c *cast) foreignDelete(ctx context.Context, trial *proof.Trial) error {
	before, err := c.driver.Observer.Look(ctx, trial.Provider)
	if err != nil {
		return err
	}
	trial.Deleted(before.Current)
	return c.foreign.Delete(ctx, path(trial))
}

func (c *cast) rivalRotates(ctx context.Context, trial *proof.Trial) error {
	trial.Told(c.rotateAs(c.rotator, "rival", rivalFields)(ctx, trial))
	return nil
}

func (c *cast) rotateAs(client *vaultkit.Client, who string, fields map[string]any) func(context.Context, *proof.Trial) proof.Claim {
	return func(ctx context.Context, trial *proof.Trial) proof.Claim {
		r, err := client.Rotate(ctx, trial.Provider, vaultkit.NewFields(fields), vaultkit.WithActor(who))
		return claim(who, proof.Change{Merge: fields}, r, err)
	}
}

func wants(fields map[string]any) func(*proof.Trial) proof.Change {
	return func(*proof.Trial) proof.Change { return proof.Change{Merge: maps.Clone(fields)} }
}

func recovered(client *vaultkit.Client) func(context.Context, *proof.Trial) proof.Claim {
	return func(ctx context.Context, trial *proof.Trial) proof.Claim {
		found, err := client.Recover(ctx, trial.Provider)
		told := claim("recoverer", proof.Change{}, nil, err)
		told.Found = make(map[string]string)
		for _, one := range found {
			told.Found[one.ID] = string(one.Outcome)
		}
		return told
	}
}

// claim is what an answer of the library says, by its documentation.
func claim(who string, wants proof.Change, r *vaultkit.Rotation, err error) proof.Claim {
	told := proof.Claim{Who: who, Wants: wants, Verdict: proof.Succeeded}
	if r != nil {
		told.ID, told.NewVersion, told.Resumed = r.ID, r.NewVersion, r.Resumed
	}
	if err == nil {
		return told
	}
	told.Err = err.Error()
	failed, _ := errors.AsType[*vaultkit.Error](err)
	switch {
	case errors.Is(err, vaultkit.ErrUndetermined):
		told.Verdict = proof.Open
		return told
	case errors.Is(err, vaultkit.ErrConflict):
		told.Conflict, told.ID = true, failed.ID
	case errors.Is(err, vaultkit.ErrNoChange):
		told.NoChange = failed.Version
	}
	told.Verdict = proof.Failed
	return told
}

func (c *cast) prepare(ctx context.Context, trial *proof.Trial) error {
	return c.put(ctx, trial, initialFields)
}

// prepareRotated makes a provider that was rotated once.
func (c *cast) prepareRotated(ctx context.Context, trial *proof.Trial) error {
	if err := c.prepare(ctx, trial); err != nil {
		return err
	}
	told := c.rotateAs(c.rotator, "earlier", earlierFields)(ctx, trial)
	trial.Told(told)
	trial.Target = told.ID
	if told.Verdict != proof.Succeeded {
		return fmt.Errorf("the earlier rotation: %s", told)
	}
	return nil
}

// prepareCrashed makes a provider with a rotation that died between commit and
// record, and one that died before its commit.
func (c *cast) prepareCrashed(ctx context.Context, trial *proof.Trial) error {
	if err := c.prepare(ctx, trial); err != nil {
		return err
	}
	for _, dead := range []struct {
		fields map[string]any
		dir    string
	}{{earlierFields, "rotations"}, {undecidedFields, "providers"}} {
		op := &proof.Operation{Name: "dead", Wants: wants(dead.fields), Run: c.rotateAs(c.victim, "dead", dead.fields)}
		if err := trial.Kill(ctx, op, "PUT", "/data/"+vaulttest.Base+"/"+dead.dir+"/"); err != nil {
			return err
		}
	}
	return nil
}
