package faulttest_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/faulttest"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulttest"
)

// The mutants' policy allows more than the rotator's.
const mutantPolicy = `
path "secret/data/goblin-assistant/*" { capabilities = ["create", "read", "update"] }
path "secret/metadata/goblin-assistant/*" { capabilities = ["read", "list", "delete"] }`

// mutant is a rotator on the official client, with at most one mutation. Without a mutation it
// follows the protocol as the library does.
type mutant struct {
	kv      *api.KVv2
	logical *api.Logical
	// mutation is a bug of a rotator that looks correct while it is undisturbed.
	mutation mutation
	looks    bool // checks for attempts to revoke what it writes
}

// mutation is a bug of a rotator.
type mutation string

const (
	noMutation            mutation = "no mutation"
	naive                 mutation = "naive"                          // no check-and-set; every write is sent again after any error
	blindCommit           mutation = "commits blindly"                // no check-and-set for the commit
	refusalIsFinal        mutation = "takes a refusal as final"       // although an earlier copy of the refused commit may have been applied
	undeterminedIsFailure mutation = "takes a lost answer as failure" // a commit without a response counts as failed
	recordFirst           mutation = "records before it commits"
	backupLast            mutation = "backs up after the commit"
	recordIsOptional      mutation = "succeeds without a record"
	tidy                  mutation = "deletes the backup of what lost"

	// Mutations of restores over a deleted version.
	restoresBlindly mutation = "restores whether or not the version can be read"
	restoreWins     mutation = "lets a restore win over the rotation of a readable version"
)

// newMutant returns a mutant whose requests can have faults.
func (c *harness) newMutant(t *testing.T, mutation mutation) *mutant {
	t.Helper()
	return c.newMutantAt(t, mutation, c.proxy.URL())
}

func (c *harness) newMutantAt(t *testing.T, mutation mutation, address string) *mutant {
	t.Helper()
	config := api.DefaultConfig()
	config.Address = address
	config.HttpClient.Transport = c.driver.Transport(config.HttpClient.Transport)
	client, err := api.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	client.SetMaxRetries(0)
	client.SetToken(vaulttest.TokenAt(t, vaulttest.RootOf(t, c.server), mutantPolicy))
	return &mutant{kv: client.KVv2(vaulttest.Mount), logical: client.Logical(), mutation: mutation}
}

// rotationOf returns an operation of the mutant. Its rerun is by the library.
func (c *harness) rotationOf(a *mutant) *faulttest.Operation {
	return &faulttest.Operation{
		Name: string(a.mutation), Prepare: c.prepare, Wants: wants(victimFields),
		Run: a.rotate, Rerun: c.rotateAs(c.rotator, "rerun", victimFields),
		Rivals: rivals,
	}
}

// mutantRotation is one rotation by a mutant.
type mutantRotation struct {
	*mutant
	provider     string
	source       int
	old, next    map[string]any
	id           string
	response     faulttest.Response
	undetermined bool
	found        bool // the backup existed: an earlier run wrote it
	restores     bool // over a deleted version
}

var (
	errLost = errors.New("another write came first")
	errOpen = errors.New("who knows")
)

func (a *mutant) rotate(ctx context.Context, run *faulttest.Run) faulttest.Response {
	return a.change(ctx, run, faulttest.Change{Merge: victimFields})
}

func (a *mutant) change(ctx context.Context, run *faulttest.Run, wants faulttest.Change) faulttest.Response {
	w := &mutantRotation{mutant: a, provider: run.Provider, response: faulttest.Response{Actor: string(a.mutation), Wants: wants}}
	err := w.do(ctx)
	switch {
	case err == nil:
		w.response.Status = faulttest.Succeeded
	case errors.Is(err, errOpen):
		w.response.Status, w.response.Err = faulttest.Undetermined, err.Error()
	default:
		w.response.Status, w.response.Err, w.response.Conflict = faulttest.Failed, err.Error(), errors.Is(err, errLost)
	}
	return w.response
}

func (w *mutantRotation) do(ctx context.Context) error {
	if err := w.read(ctx); err != nil {
		return err
	}
	steps := []func(context.Context) error{w.backUp, w.commit, w.record}
	if w.looks {
		steps = []func(context.Context) error{w.checkRevoked, w.backUp, w.checkRevoked, w.commit, w.record}
	}
	switch w.mutation {
	case recordFirst:
		steps = []func(context.Context) error{w.backUp, w.record, w.commit}
	case backupLast:
		steps = []func(context.Context) error{w.commit, w.backUp, w.record}
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	w.response.ID, w.response.NewVersion = w.id, w.source+1
	return nil
}

func (w *mutantRotation) read(ctx context.Context) error {
	secret, err := w.get(ctx, w.path("providers"))
	if err != nil {
		return err
	}
	if secret.Data == nil && !w.response.Wants.OverDeleted {
		return errors.New("deleted")
	}
	w.source, w.old = secret.VersionMetadata.Version, secret.Data
	if w.next, err = w.wanted(ctx); err != nil {
		return err
	}
	if w.restores = w.response.Wants.OverDeleted && (w.old == nil || w.mutation == restoresBlindly); w.restores {
		w.old = w.next
	}
	w.id = protocol.NewID(secret.VersionMetadata.CreatedTime, w.source, canonical(w.old), canonical(w.next)).String()
	if w.mutation != naive && !w.restores && reflect.DeepEqual(w.old, w.next) {
		return errOpen // another run made this change; the rerun finds out which
	}
	return nil
}

// wanted returns the data that replaces the version that was read.
func (w *mutantRotation) wanted(ctx context.Context) (map[string]any, error) {
	if backup := w.response.Wants.Restore; backup != "" {
		secret, err := w.get(ctx, w.path("backups", backup))
		if err != nil {
			return nil, err
		}
		return secret.Data, nil
	}
	next := maps.Clone(w.old)
	maps.Copy(next, w.response.Wants.Merge)
	return next, nil
}

func (w *mutantRotation) backUp(ctx context.Context) error {
	return w.once(ctx, w.path("backups", w.id), w.old)
}

// once creates an entry that no other actor writes with another value.
func (w *mutantRotation) once(ctx context.Context, path string, data map[string]any) error {
	return again(ctx, func() error {
		if w.mutation == naive {
			_, err := w.kv.Put(ctx, path, data)
			return err
		}
		_, err := w.kv.Put(ctx, path, data, api.WithCheckAndSet(0))
		if refused(err) {
			w.found = true
			return nil
		}
		return err
	})
}

// commit writes, and applies the rule after any response other than success.
func (w *mutantRotation) commit(ctx context.Context) error {
	if w.mutation == naive || w.mutation == blindCommit {
		return again(ctx, func() error {
			_, err := w.kv.Put(ctx, w.path("providers"), w.next)
			return err
		})
	}
	for range attempts {
		_, err := w.kv.Put(ctx, w.path("providers"), w.next, api.WithCheckAndSet(w.source))
		w.undetermined = w.undetermined || unanswered(err)
		switch {
		case err == nil:
			return nil
		case w.mutation == undeterminedIsFailure, !w.undetermined && !refused(err):
			return err
		case w.mutation == refusalIsFinal && refused(err):
			return w.lost(ctx)
		case w.mutation == refusalIsFinal:
			continue
		}
		if done, err := w.rule(ctx); done || err != nil {
			return err
		}
	}
	return errOpen
}

// rule reports whether the commit was applied, once that is decided.
func (w *mutantRotation) rule(ctx context.Context) (done bool, err error) {
	meta, err := w.kv.GetMetadata(ctx, w.path("providers"))
	if err != nil {
		return false, errOpen
	}
	if meta.CurrentVersion == w.source {
		return false, nil
	}
	made, err := w.kv.GetVersion(ctx, w.path("providers"), w.source+1)
	switch {
	case err != nil || made.Data == nil:
		return false, errOpen
	case w.mutation == restoreWins && w.restoreExists(ctx):
	case reflect.DeepEqual(made.Data, w.next):
		return true, nil
	}
	return true, w.lost(ctx)
}

// lost records that another write came first.
func (w *mutantRotation) lost(ctx context.Context) error {
	w.response.ID = w.id
	if w.mutation == tidy {
		_ = w.kv.DeleteMetadata(ctx, w.path("backups", w.id))
		return errLost
	}
	_ = w.once(ctx, w.path("rotations", w.id), w.recordOf(protocol.Aborted))
	return errLost
}

func (w *mutantRotation) record(ctx context.Context) error {
	err := w.once(context.WithoutCancel(ctx), w.path("rotations", w.id), w.recordOf(protocol.Committed))
	if err != nil && w.mutation != recordIsOptional {
		return errors.Join(errOpen, err)
	}
	return nil
}

func (w *mutantRotation) recordOf(outcome protocol.Outcome) map[string]any {
	record := protocol.Record{ID: w.id, Provider: w.provider, Outcome: outcome, Evidence: protocol.Acknowledged,
		OldVersion: w.source, RecordedAt: time.Now().UTC()}
	if outcome == protocol.Committed {
		record.NewVersion = w.source + 1
	}
	if !w.restores {
		record.Backup = w.id
	}
	text, err := record.Encode()
	vaulttest.Must(err)
	var data map[string]any
	vaulttest.Must(json.Unmarshal(text, &data))
	return data
}

func canonical(data map[string]any) []byte {
	text, err := protocol.Canonical(data)
	vaulttest.Must(err)
	return text
}

func (w *mutantRotation) path(dir string, id ...string) string {
	return strings.Join(append([]string{vaulttest.Base, dir, w.provider}, id...), "/")
}

// get reads an entry. A deleted one has no data.
func (a *mutant) get(ctx context.Context, path string) (secret *api.KVSecret, err error) {
	err = again(ctx, func() error {
		secret, err = a.kv.Get(ctx, path)
		return err
	})
	return secret, err
}

// list returns the names in a directory.
func (a *mutant) list(ctx context.Context, path string) (names []string, err error) {
	err = again(ctx, func() error {
		listed, err := a.logical.ListWithContext(ctx, vaulttest.Mount+"/metadata/"+path)
		if err != nil || listed == nil {
			return err
		}
		keys, _ := listed.Data["keys"].([]any)
		for _, key := range keys {
			names = append(names, key.(string))
		}
		return nil
	})
	return names, err
}

// attempts is how often a mutant retries: enough for every schedule, and few for a fault that never ends.
const attempts = 6

func again(ctx context.Context, send func() error) (err error) {
	for range attempts {
		if err = send(); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// refused reports whether a check-and-set failed.
func refused(err error) bool {
	answer, ok := errors.AsType[*api.ResponseError](err)
	return ok && answer.StatusCode == http.StatusBadRequest && slices.ContainsFunc(answer.Errors, func(line string) bool {
		return strings.Contains(line, "check-and-set")
	})
}

// unanswered reports whether the request may have been applied.
func unanswered(err error) bool {
	answer, ok := errors.AsType[*api.ResponseError](err)
	return err != nil && (!ok || answer.StatusCode >= 500 || answer.StatusCode == http.StatusTooManyRequests)
}
