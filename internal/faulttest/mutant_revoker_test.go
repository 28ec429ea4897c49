package faulttest_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/faulttest"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulttest"
)

// Bugs of a revoker that looks correct while it is undisturbed.
const (
	checksFirst  mutation = "records its intent after the look"
	readsFirst   mutation = "reads the secret before the list, and leaves recorded rotations out"
	exactly      mutation = "knows a key only if it is exactly equal"
	ownExempt    mutation = "leaves its own rotation out"
	deletedGone  mutation = "takes a deleted version for gone"
	pendingBlind mutation = "disregards undecided rotations"
)

// mutantRevocation is one run that revokes keys: those that a rotation replaced, or one that a
// source has just issued. It writes an entry for each key before it checks. A writer that
// brings such a key back finds the entry, or is found by the check.
type mutantRevocation struct {
	*mutant
	api       *faulttest.ProviderAPI
	provider  string
	kind      string
	rotation  string
	keys      map[string]string // by field
	name      string            // of 128 random bits
	announced bool
}

var (
	errInUse     = errors.New("the key is in force, or may come to be")
	errBeingGone = errors.New("the key is being revoked")
)

func (a *mutant) newRevocation(ctx context.Context, run *faulttest.Run, kind string) *mutantRevocation {
	name := make([]byte, 16)
	rand.Read(name)
	revoker := newRevoker(ctx, run, string(a.mutation), kind == kindRevokeUnused)
	return &mutantRevocation{mutant: a, api: revoker.ProviderAPI, provider: run.Provider, kind: kind, rotation: run.Target, name: hex.EncodeToString(name)}
}

// The kinds of attempts.
const (
	kindRevokeOld    = "revoke-old"
	kindRevokeUnused = "take-back"
)

// revokeOld revokes what a rotation replaced.
func (a *mutant) revokeOld(ctx context.Context, run *faulttest.Run) faulttest.Response {
	t := a.newRevocation(ctx, run, kindRevokeOld)
	told := t.response(t.revokeReplaced(ctx))
	told.Revoked = run.Target
	return told
}

// revokeUnused revokes a key that was issued for a failed rotation.
func (a *mutant) revokeUnused(ctx context.Context, run *faulttest.Run) faulttest.Response {
	t := a.newRevocation(ctx, run, kindRevokeUnused)
	t.keys = keysOf(issuedFields)
	return t.response(t.revokeKeys(ctx))
}

func (t *mutantRevocation) response(err error) faulttest.Response {
	told := faulttest.Response{Actor: string(t.mutation), Status: faulttest.Succeeded}
	switch {
	case errors.Is(err, errOpen):
		told.Status, told.Err = faulttest.Undetermined, err.Error()
	case err != nil:
		told.Status, told.Err = faulttest.Failed, err.Error()
	}
	return told
}

func (t *mutantRevocation) path(dir string, names ...string) string {
	return strings.Join(append([]string{vaulttest.Base, dir, t.provider}, names...), "/")
}

func (t *mutantRevocation) revokeReplaced(ctx context.Context) error {
	done := t.path("rotations", t.rotation+".revoked")
	if _, err := t.get(ctx, done); err == nil || !errors.Is(err, api.ErrSecretNotFound) {
		return err
	}
	if err := t.readReplaced(ctx); err != nil {
		return err
	}
	if t.mutation != readsFirst {
		if err := t.checkNotInForce(ctx); err != nil { // an early check, so that a refusal writes nothing
			return err
		}
	}
	if err := t.revokeKeys(ctx); err != nil {
		return err
	}
	if err := t.write(context.WithoutCancel(ctx), done, protocol.Revocation{Schema: protocol.Schema, ID: t.rotation, Provider: t.provider,
		Fields: slices.Sorted(maps.Keys(t.keys)), RevokedAt: time.Now().UTC()}); err != nil {
		return errors.Join(errOpen, err)
	}
	return nil
}

// readReplaced reads the old keys of a committed rotation. A restore replaced nothing that can be read.
func (t *mutantRevocation) readReplaced(ctx context.Context) error {
	stored, err := t.get(ctx, t.path("rotations", t.rotation))
	if err != nil {
		return err
	}
	var record protocol.Record
	text, err := json.Marshal(stored.Data)
	if err := errors.Join(err, json.Unmarshal(text, &record)); err != nil {
		return err
	}
	if record.Outcome != protocol.Committed || record.Backup == "" {
		return errInUse
	}
	backup, err := t.get(ctx, t.path("backups", t.rotation))
	if err != nil {
		return err
	}
	t.keys = keysOf(backup.Data)
	maps.DeleteFunc(t.keys, func(field, _ string) bool { return !slices.Contains(record.FieldsChanged, field) })
	return nil
}

// revokeKeys announces the revocation, checks, and calls the provider's API. If a step fails, it
// withdraws the entries.
func (t *mutantRevocation) revokeKeys(ctx context.Context) error {
	steps := []func(context.Context) error{t.announce, t.checkNotInForce}
	if t.mutation == checksFirst {
		slices.Reverse(steps)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			t.withdraw(context.WithoutCancel(ctx))
			return err
		}
	}
	return t.api.AddRevoked(ctx, t.keys)
}

func (t *mutantRevocation) announce(ctx context.Context) error {
	t.announced = true
	for _, entry := range t.entries() {
		if err := t.write(ctx, entry, t.body()); err != nil {
			return err
		}
	}
	return nil
}

func (t *mutantRevocation) withdraw(ctx context.Context) {
	if !t.announced {
		return
	}
	for _, entry := range t.entries() {
		_ = t.write(ctx, entry+".withdrawn", t.body()) // an entry that cannot be withdrawn stands
	}
}

func (t *mutantRevocation) entries() (paths []string) {
	for _, field := range slices.Sorted(maps.Keys(t.keys)) {
		fingerprint := fingerprintOfKey(t.provider, field, t.keys[field])
		paths = append(paths, t.path("revocations", fingerprint[:2], fingerprint+"-"+t.name))
	}
	return paths
}

func (t *mutantRevocation) body() map[string]any {
	return map[string]any{"schema": 1, "kind": t.kind, "rotation": t.rotation, "provider": t.provider, "actor": string(t.mutation),
		"reason": "", "begun_at": time.Now().UTC(), "hint": "finish it, or allow it"}
}

// write creates an entry that no other actor writes.
func (t *mutantRevocation) write(ctx context.Context, path string, body any) error {
	text, err := json.Marshal(body)
	vaulttest.Must(err)
	var data map[string]any
	vaulttest.Must(json.Unmarshal(text, &data))
	return again(ctx, func() error {
		_, err := t.kv.Put(ctx, path, data, api.WithCheckAndSet(0))
		if refused(err) {
			return nil
		}
		return err
	})
}

// checkNotInForce refuses a key that is in force, and one that a rotation of the current version may put
// in force. It lists before it reads the secret: each rotation that began before the entries is in the
// list or is decided.
func (t *mutantRevocation) checkNotInForce(ctx context.Context) error {
	var backups []string
	var current *api.KVSecret
	list := func() (err error) {
		backups, err = t.list(ctx, t.path("backups"))
		return err
	}
	read := func() (err error) {
		current, err = t.get(ctx, t.path("providers"))
		return err
	}
	steps := []func() error{list, read}
	if t.mutation == readsFirst {
		steps = []func() error{read, list, func() error { return t.removeRecorded(ctx, &backups) }}
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	if current.Data == nil && t.mutation != deletedGone || t.inForce(current.Data) {
		return errInUse
	}
	version := current.VersionMetadata
	for _, text := range backups {
		id, err := protocol.ParseID(text)
		own := t.mutation == ownExempt && text == t.rotation
		if err == nil && id.Source == version.Version && id.InForce.Equal(version.CreatedTime) && !own && t.mutation != pendingBlind {
			return errInUse
		}
	}
	return nil
}

func (t *mutantRevocation) removeRecorded(ctx context.Context, backups *[]string) error {
	recorded, err := t.list(ctx, t.path("rotations"))
	*backups = slices.DeleteFunc(*backups, func(id string) bool { return slices.Contains(recorded, id) })
	return err
}

func (t *mutantRevocation) inForce(current map[string]any) bool {
	for field, key := range t.keys {
		for at, text := range keysOf(current) {
			if t.mutation == exactly {
				if current[at] == key {
					return true
				}
				continue
			}
			if sameKey(field, key, at, text) {
				return true
			}
		}
	}
	return false
}

// sameKey compares an old key with a text of the current secret.
func sameKey(field, key, at, text string) bool {
	const shortest = 8
	if len(key) < shortest {
		return field == at && key == text
	}
	decoded, err := url.PathUnescape(text)
	if err != nil {
		decoded = text
	}
	return strings.Contains(text, key) || strings.Contains(decoded, key) || len(text) >= shortest && strings.Contains(key, text)
}

// keysOf returns the fields that are keys.
func keysOf(secret map[string]any) map[string]string {
	keys := make(map[string]string)
	for field, value := range secret {
		switch value := value.(type) {
		case string:
			keys[field] = strings.TrimSpace(value)
		case json.Number, float64:
			keys[field] = fmt.Sprint(value)
		}
	}
	return keys
}

// fingerprintOfKey returns the fingerprint of a key in the names of entries.
func fingerprintOfKey(provider, field, text string) string {
	if len(text) < 8 {
		text = field + "\x00" + text
	}
	key := sha256.Sum256([]byte("vaultkit revocation\x00" + provider))
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))[:32]
}

// checkRevoked refuses a change to a key that is being revoked. Unchanged fields are not checked.
func (w *mutantRotation) checkRevoked(ctx context.Context) error {
	for field, text := range keysOf(w.next) {
		if !w.restores && keysOf(w.old)[field] == text {
			continue
		}
		fingerprint := fingerprintOfKey(w.provider, field, text)
		names, err := w.list(ctx, w.path("revocations", fingerprint[:2]))
		if err != nil {
			return err
		}
		for _, name := range names {
			named := strings.HasPrefix(name, fingerprint+"-")
			if !named || strings.HasSuffix(name, ".withdrawn") || slices.Contains(names, name+".withdrawn") {
				continue
			}
			if w.found {
				return errors.Join(errOpen, errBeingGone) // an earlier run of this rotation may still commit
			}
			return errBeingGone
		}
	}
	return nil
}
