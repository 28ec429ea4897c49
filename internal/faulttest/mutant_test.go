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

// What an apprentice may do: more than the rotator's policy lets the library.
const apprenticePolicy = `
path "secret/data/goblin-assistant/*" { capabilities = ["create", "read", "update"] }
path "secret/metadata/goblin-assistant/*" { capabilities = ["read", "list", "delete"] }`

// apprentice is a rotator of its own on the official client, with at most one
// flaw. Without any it is as right as the library, if not as helpful.
type apprentice struct {
	kv      *api.KVv2
	logical *api.Logical
	flaw    flaw
	looks   bool // for attempts to revoke what it writes
}

// flaw is how a rotator can be wrong and look right.
type flaw string

const (
	flawless         flaw = "flawless"
	naive            flaw = "naive"                    // no check-and-set at all, every write repeated on any error
	blindCommit      flaw = "commits blindly"          // no check-and-set at the commit alone
	refusalIsFinal   flaw = "takes a refusal as final" // though the refused commit may be the echo of an applied one
	doubtIsFailure   flaw = "takes doubt as failure"   // a commit without an answer has failed
	recordFirst      flaw = "records before it commits"
	backupLast       flaw = "backs up after the commit" //
	recordIsOptional flaw = "succeeds without a record"
	tidy             flaw = "deletes the backup of what lost"

	// Of restores over a deleted version.
	restoresBlindly flaw = "restores whether or not the version can be read"
	restoreWins     flaw = "lets a restore win over the rotation of a readable version"
)

// newApprentice makes one whose requests can be disturbed.
func (c *cast) newApprentice(t *testing.T, flaw flaw) *apprentice {
	t.Helper()
	return c.apprenticeAt(t, flaw, c.wire.URL())
}

func (c *cast) apprenticeAt(t *testing.T, flaw flaw, address string) *apprentice {
	t.Helper()
	config := api.DefaultConfig()
	config.Address = address
	config.HttpClient.Transport = c.driver.Transport(config.HttpClient.Transport)
	client, err := api.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	client.SetMaxRetries(0)
	client.SetToken(vaulttest.TokenAt(t, vaulttest.RootOf(t, c.server), apprenticePolicy))
	return &apprentice{kv: client.KVv2(vaulttest.Mount), logical: client.Logical(), flaw: flaw}
}

// apprenticed makes an operation of it. The rerun is the library's, by somebody who knows better.
func (c *cast) apprenticed(a *apprentice) *faulttest.Operation {
	return &faulttest.Operation{
		Name: string(a.flaw), Prepare: c.prepare, Wants: wants(victimFields),
		Run: a.rotate, Rerun: c.rotateAs(c.rotator, "rerun", victimFields),
		Rivals: rivals,
	}
}

// work is one rotation of an apprentice.
type work struct {
	*apprentice
	provider  string
	source    int
	old, next map[string]any
	id        string
	claim     faulttest.Response
	doubt     bool
	found     bool // its backup was there already: an earlier run's
	restores  bool // over a deleted version
}

var (
	errLost = errors.New("another write came first")
	errOpen = errors.New("who knows")
)

func (a *apprentice) rotate(ctx context.Context, run *faulttest.Run) faulttest.Response {
	return a.change(ctx, run, faulttest.Change{Merge: victimFields})
}

func (a *apprentice) change(ctx context.Context, run *faulttest.Run, wants faulttest.Change) faulttest.Response {
	w := &work{apprentice: a, provider: run.Provider, claim: faulttest.Response{Who: string(a.flaw), Wants: wants}}
	err := w.do(ctx)
	switch {
	case err == nil:
		w.claim.Status = faulttest.Succeeded
	case errors.Is(err, errOpen):
		w.claim.Status, w.claim.Err = faulttest.Open, err.Error()
	default:
		w.claim.Status, w.claim.Err, w.claim.Conflict = faulttest.Failed, err.Error(), errors.Is(err, errLost)
	}
	return w.claim
}

func (w *work) do(ctx context.Context) error {
	if err := w.read(ctx); err != nil {
		return err
	}
	steps := []func(context.Context) error{w.backUp, w.commit, w.record}
	if w.looks {
		steps = []func(context.Context) error{w.lookForAttempts, w.backUp, w.lookForAttempts, w.commit, w.record}
	}
	switch w.flaw {
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
	w.claim.ID, w.claim.NewVersion = w.id, w.source+1
	return nil
}

func (w *work) read(ctx context.Context) error {
	secret, err := w.get(ctx, w.path("providers"))
	if err != nil {
		return err
	}
	if secret.Data == nil && !w.claim.Wants.Over {
		return errors.New("deleted")
	}
	w.source, w.old = secret.VersionMetadata.Version, secret.Data
	if w.next, err = w.wanted(ctx); err != nil {
		return err
	}
	if w.restores = w.claim.Wants.Over && (w.old == nil || w.flaw == restoresBlindly); w.restores {
		w.old = w.next
	}
	w.id = protocol.NewID(secret.VersionMetadata.CreatedTime, w.source, canonical(w.old), canonical(w.next)).String()
	if w.flaw != naive && !w.restores && reflect.DeepEqual(w.old, w.next) {
		return errOpen // somebody made this change; who, is for others to find out
	}
	return nil
}

// wanted is what is to replace the version that was read.
func (w *work) wanted(ctx context.Context) (map[string]any, error) {
	if backup := w.claim.Wants.Restore; backup != "" {
		secret, err := w.get(ctx, w.path("backups", backup))
		if err != nil {
			return nil, err
		}
		return secret.Data, nil
	}
	next := maps.Clone(w.old)
	maps.Copy(next, w.claim.Wants.Merge)
	return next, nil
}

func (w *work) backUp(ctx context.Context) error {
	return w.once(ctx, w.path("backups", w.id), w.old)
}

// once writes an entry that nobody else writes another value to.
func (w *work) once(ctx context.Context, path string, data map[string]any) error {
	return again(ctx, func() error {
		if w.flaw == naive {
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

// commit writes, and asks the rule after any answer but success.
func (w *work) commit(ctx context.Context) error {
	if w.flaw == naive || w.flaw == blindCommit {
		return again(ctx, func() error {
			_, err := w.kv.Put(ctx, w.path("providers"), w.next)
			return err
		})
	}
	for range attempts {
		_, err := w.kv.Put(ctx, w.path("providers"), w.next, api.WithCheckAndSet(w.source))
		w.doubt = w.doubt || unanswered(err)
		switch {
		case err == nil:
			return nil
		case w.flaw == doubtIsFailure, !w.doubt && !refused(err):
			return err
		case w.flaw == refusalIsFinal && refused(err):
			return w.lost(ctx)
		case w.flaw == refusalIsFinal:
			continue
		}
		if done, err := w.rule(ctx); done || err != nil {
			return err
		}
	}
	return errOpen
}

// rule tells whether the commit was applied, once that is settled.
func (w *work) rule(ctx context.Context) (done bool, err error) {
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
	case w.flaw == restoreWins && w.restoreBegun(ctx):
	case reflect.DeepEqual(made.Data, w.next):
		return true, nil
	}
	return true, w.lost(ctx)
}

// lost records that another write came first.
func (w *work) lost(ctx context.Context) error {
	w.claim.ID = w.id
	if w.flaw == tidy {
		_ = w.kv.DeleteMetadata(ctx, w.path("backups", w.id))
		return errLost
	}
	_ = w.once(ctx, w.path("rotations", w.id), w.recordOf(protocol.Aborted))
	return errLost
}

func (w *work) record(ctx context.Context) error {
	err := w.once(context.WithoutCancel(ctx), w.path("rotations", w.id), w.recordOf(protocol.Committed))
	if err != nil && w.flaw != recordIsOptional {
		return errors.Join(errOpen, err)
	}
	return nil
}

func (w *work) recordOf(outcome protocol.Outcome) map[string]any {
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

func (w *work) path(dir string, id ...string) string {
	return strings.Join(append([]string{vaulttest.Base, dir, w.provider}, id...), "/")
}

// get reads an entry; one that is deleted has no data.
func (a *apprentice) get(ctx context.Context, path string) (secret *api.KVSecret, err error) {
	err = again(ctx, func() error {
		secret, err = a.kv.Get(ctx, path)
		return err
	})
	return secret, err
}

// list names the entries of a directory.
func (a *apprentice) list(ctx context.Context, path string) (names []string, err error) {
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

// attempts are enough for any schedule, and few enough for a network that is gone.
const attempts = 6

func again(ctx context.Context, send func() error) (err error) {
	for range attempts {
		if err = send(); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// refused: a check-and-set did not match.
func refused(err error) bool {
	answer, ok := errors.AsType[*api.ResponseError](err)
	return ok && answer.StatusCode == http.StatusBadRequest && slices.ContainsFunc(answer.Errors, func(line string) bool {
		return strings.Contains(line, "check-and-set")
	})
}

// unanswered: the request may have been applied.
func unanswered(err error) bool {
	answer, ok := errors.AsType[*api.ResponseError](err)
	return err != nil && (!ok || answer.StatusCode >= 500 || answer.StatusCode == http.StatusTooManyRequests)
}
