package faulttest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/faulttest"
	"goblin/vaultkit/internal/vaulttest"
)

// Every actor writes its own key and its own field. So each version shows who wrote it, and who
// overwrote a version that it had not read.
var (
	initialFields   = map[string]any{"api_key": "fake-initial", "keep": "kept"}
	foreignFields   = map[string]any{"api_key": "fake-foreign", "keep": "changed"}
	victimFields    = map[string]any{"api_key": "fake-victim", "by_victim": "yes"}
	rivalFields     = map[string]any{"api_key": "fake-rival", "by_rival": "yes"}
	earlierFields   = map[string]any{"api_key": "fake-earlier", "by_earlier": "yes"}
	secondFields    = map[string]any{"api_key": "fake-second", "by_second": "yes"}
	thirdFields     = map[string]any{"api_key": "fake-third", "by_third": "yes"}
	fourthFields    = map[string]any{"api_key": "fake-fourth", "by_fourth": "yes"}
	undecidedFields = map[string]any{"api_key": "fake-undecided", "by_undecided": "yes"}
)

// The policies of foreign writers and of the observer.
const (
	foreignPolicy = `
path "secret/data/goblin-assistant/providers/+" { capabilities = ["create", "update", "delete"] }
path "auth/token/lookup-self" { capabilities = ["read"] }`
	observerPolicy = `
path "secret/data/goblin-assistant/*" { capabilities = ["read"] }
path "secret/metadata/goblin-assistant/*" { capabilities = ["read", "list"] }
path "secret/undelete/goblin-assistant/providers/+" { capabilities = ["update"] }`
)

// harness holds the clients of all actors. The requests of the first three go through the fault
// proxy.
type harness struct {
	server    vaulttest.Vault
	driver    *faulttest.Driver
	proxy     *faultproxy.Proxy
	victim    *vaultkit.Client // the rotator's policy
	recoverer *vaultkit.Client // the recoverer's
	mortal    *vaultkit.Client // the rotator's; it retries for long, because it must die at the chosen request
	rotator   *vaultkit.Client // the rotator's, undisturbed
	janitor   *vaultkit.Client // the janitor's and the recoverer's
	helper    *vaultkit.Client // the recoverer's, undisturbed
	cleaner   *vaultkit.Client // the janitor's alone, undisturbed

	disturbedRevoker, revoker *vaultkit.Client // the revoker's

	foreign *api.KVv2
}

// newHarness starts a Vault without an audit log, which would need gigabytes.
func newHarness(t *testing.T) *harness {
	t.Helper()
	c := &harness{server: vaulttest.Start(t)}
	if err := vaulttest.RootOf(t, c.server).Sys().DisableAuditWithContext(t.Context(), "file"); err != nil {
		t.Fatal(err)
	}
	proxy, err := faultproxy.New(c.server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			t.Error(err)
		}
	})
	c.proxy, c.driver = proxy, faulttest.NewDriver(proxy)
	policy := func(role string) string { return vaulttest.Policy(t, "../../", role) }
	rotator, recoverer, janitor := policy("rotator"), policy("recoverer"), policy("janitor")
	c.victim, c.mortal = c.disturbed(t, rotator, time.Second), c.disturbed(t, rotator, time.Minute)
	c.recoverer, c.janitor = c.disturbed(t, recoverer, time.Second), c.disturbed(t, recoverer+janitor, time.Second)
	c.disturbedRevoker, c.revoker = c.disturbed(t, policy("revoker"), time.Second), c.client(t, policy("revoker"))
	c.rotator, c.helper, c.cleaner = c.client(t, rotator), c.client(t, recoverer), c.client(t, janitor)
	c.foreign = c.official(t, foreignPolicy).KVv2(vaulttest.Mount)
	c.driver.Observer = &faulttest.Observer{Client: c.official(t, observerPolicy), Mount: vaulttest.Mount, Base: vaulttest.Base}
	c.driver.Recover = recovered(c.helper)
	c.driver.Rivals = map[string]faulttest.Act{"other": c.rivalRotates, "put": c.foreignPut, "delete": c.foreignDelete,
		"abort": c.rivalAborts, faulttest.Prune: c.rivalPrunes, "arrival": arrive}
	maps.Copy(c.driver.Rivals, c.rivalsWithKeys())
	t.Cleanup(c.driver.Close) // before the clients close
	return c
}

// rivals are the actors that may run between two requests.
var rivals = []string{"other", faulttest.Twin, "put", "delete", faulttest.Recover, "abort", faulttest.Prune}

func (c *harness) client(t *testing.T, policy string, opts ...vaultkit.Option) *vaultkit.Client {
	t.Helper()
	token := vaulttest.TokenAt(t, vaulttest.RootOf(t, c.server), policy)
	defaults := []vaultkit.Option{vaultkit.WithAddress(c.server.Addr()), vaultkit.WithToken(vaultkit.FromString(token))}
	return clienttest.New(t, append(defaults, opts...)...)
}

// disturbed returns a client whose operations a driver can run. wait limits its retries, for
// faults from which the network does not recover.
func (c *harness) disturbed(t *testing.T, policy string, wait time.Duration) *vaultkit.Client {
	t.Helper()
	return c.client(t, policy, vaultkit.WithAddress(c.proxy.URL()), vaultkit.WithTransport(c.driver.Transport), clienttest.WithRecordWait(wait))
}

// official returns an official client, as a program without vaultkit uses.
func (c *harness) official(t *testing.T, policy string) *api.Client {
	t.Helper()
	client, err := api.NewClient(&api.Config{Address: c.server.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	client.SetToken(vaulttest.TokenAt(t, vaulttest.RootOf(t, c.server), policy))
	t.Cleanup(client.CloneConfig().HttpClient.CloseIdleConnections)
	return client
}

func path(run *faulttest.Run) string { return vaulttest.Base + "/providers/" + run.Provider }

// put is a foreign write without check-and-set.
func (c *harness) put(ctx context.Context, run *faulttest.Run, fields map[string]any) error {
	written, err := c.foreign.Put(ctx, path(run), fields)
	if err == nil {
		run.AddForeignWrite(written.VersionMetadata.Version, fields)
	}
	return err
}

func (c *harness) foreignPut(ctx context.Context, run *faulttest.Run) error {
	return c.put(ctx, run, foreignFields)
}

// foreignDelete soft-deletes the current version.
func (c *harness) foreignDelete(ctx context.Context, run *faulttest.Run) error {
	before, err := c.driver.Observer.Read(ctx, run.Provider)
	if err != nil {
		return err
	}
	run.AddDeletion(before.Current)
	return c.foreign.Delete(ctx, path(run))
}

func (c *harness) rivalRotates(ctx context.Context, run *faulttest.Run) error {
	run.AddResponse(c.rotateAs(c.rotator, "rival", rivalFields)(ctx, run))
	return nil
}

// rivalAborts closes every rotation without a record.
func (c *harness) rivalAborts(ctx context.Context, run *faulttest.Run) error {
	facts, err := c.driver.Observer.Read(ctx, run.Provider)
	if err != nil {
		return err
	}
	for id := range facts.Backups {
		if _, recorded := facts.Records[id]; !recorded {
			run.AddResponse(abortOne(ctx, c.rotator, "rival", run.Provider, id))
		}
	}
	return nil
}

func (c *harness) rivalPrunes(ctx context.Context, run *faulttest.Run) error {
	if err := run.CheckNow(ctx); err != nil {
		return err
	}
	run.AllowPruning()
	run.AddResponse(pruneAs(c.cleaner, "rival")(ctx, run))
	return nil
}

func arrive(_ context.Context, run *faulttest.Run) error {
	run.DeliverAll()
	return nil
}

func (c *harness) rotateAs(client *vaultkit.Client, who string, fields map[string]any) func(context.Context, *faulttest.Run) faulttest.Response {
	return func(ctx context.Context, run *faulttest.Run) faulttest.Response {
		r, err := client.Rotate(ctx, run.Provider, vaultkit.NewFields(fields), vaultkit.WithActor(who), vaultkit.AddFields())
		return responseOf(who, faulttest.Change{Merge: fields}, r, err)
	}
}

func wants(fields map[string]any) func(*faulttest.Run) faulttest.Change {
	return func(*faulttest.Run) faulttest.Change { return faulttest.Change{Merge: maps.Clone(fields)} }
}

func recovered(client *vaultkit.Client) func(context.Context, *faulttest.Run) faulttest.Response {
	return func(ctx context.Context, run *faulttest.Run) faulttest.Response {
		found, err := client.Recover(ctx, run.Provider)
		told := responseOf("recoverer", faulttest.Change{}, nil, err)
		told.Found = make(map[string]string)
		for _, one := range found {
			told.Found[one.ID] = string(one.Outcome)
		}
		return told
	}
}

// responseOf returns what the library's result means, by its documentation.
func responseOf(who string, wants faulttest.Change, r *vaultkit.Rotation, err error) faulttest.Response {
	told := faulttest.Response{Actor: who, Wants: wants, Status: faulttest.Succeeded}
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
		told.Status = faulttest.Undetermined
		return told
	case errors.Is(err, vaultkit.ErrConflict):
		told.Conflict, told.ID = true, failed.ID
	case errors.Is(err, vaultkit.ErrNoChange):
		told.NoChange = failed.Version
	}
	told.Status = faulttest.Failed
	return told
}

func (c *harness) prepare(ctx context.Context, run *faulttest.Run) error {
	return c.put(ctx, run, initialFields)
}

// prepareRotated makes a provider that was rotated once.
func (c *harness) prepareRotated(ctx context.Context, run *faulttest.Run) error {
	if err := c.prepare(ctx, run); err != nil {
		return err
	}
	id, err := c.rotateUndisturbed(ctx, run, "earlier", earlierFields)
	run.Target = id
	return err
}

func (c *harness) rotateUndisturbed(ctx context.Context, run *faulttest.Run, who string, fields map[string]any) (id string, err error) {
	told := c.rotateAs(c.rotator, who, fields)(ctx, run)
	run.AddResponse(told)
	if told.Status != faulttest.Succeeded {
		return "", fmt.Errorf("the undisturbed rotation: %s", told)
	}
	return told.ID, nil
}

// prepareCrashed makes a provider with a rotation that died between commit and record, and one
// that died before its commit.
func (c *harness) prepareCrashed(ctx context.Context, run *faulttest.Run) error {
	if err := c.prepare(ctx, run); err != nil {
		return err
	}
	if err := c.dieAtRecord(ctx, run, earlierFields); err != nil {
		return err
	}
	return c.dieAtCommit(ctx, run, undecidedFields, "dies")
}

// prepareCommitting makes a provider with a rotation that died and whose commit will still
// arrive.
func (c *harness) prepareCommitting(ctx context.Context, run *faulttest.Run) error {
	if err := c.prepare(ctx, run); err != nil {
		return err
	}
	if err := c.dieAtCommit(ctx, run, undecidedFields, "dies-later"); err != nil {
		return err
	}
	facts, err := c.driver.Observer.Read(ctx, run.Provider)
	if err != nil {
		return err
	}
	for id := range facts.Backups {
		run.Target = id
	}
	return nil
}

// preparePrunable makes a provider with one backup of every kind: of a recorded rotation; of a
// committed rotation without a record; of two recorded rotations that are younger than that
// one; and of a rotation whose commit will still arrive. The first of the two younger ones was
// recorded by a client that died before it recorded the older one. The client that recorded the
// second had no reason to look for others.
func (c *harness) preparePrunable(ctx context.Context, run *faulttest.Run) error {
	if err := c.prepareRotated(ctx, run); err != nil {
		return err
	}
	if err := c.dieAtRecord(ctx, run, secondFields); err != nil {
		return err
	}
	resolving := "/data/" + vaulttest.Base + "/backups/" // a rotation reads only another one's backup
	if err := run.Kill(ctx, c.doomed(thirdFields), "GET", resolving, "dies"); err != nil {
		return err
	}
	if _, err := c.rotateUndisturbed(ctx, run, "fourth", fourthFields); err != nil {
		return err
	}
	if err := c.dieAtCommit(ctx, run, undecidedFields, "dies-later"); err != nil {
		return err
	}
	if err := run.CheckNow(ctx); err != nil {
		return err
	}
	run.AllowPruning()
	return nil
}

func (c *harness) dieAtCommit(ctx context.Context, run *faulttest.Run, fields map[string]any, kind string) error {
	return run.Kill(ctx, c.doomed(fields), "PUT", "/data/"+vaulttest.Base+"/providers/", kind)
}

func (c *harness) dieAtRecord(ctx context.Context, run *faulttest.Run, fields map[string]any) error {
	return run.Kill(ctx, c.doomed(fields), "PUT", "/data/"+vaulttest.Base+"/rotations/", "dies")
}

func (c *harness) doomed(fields map[string]any) *faulttest.Operation {
	return &faulttest.Operation{Name: "doomed", Wants: wants(fields), Run: c.rotateAs(c.mortal, "doomed", fields)}
}
