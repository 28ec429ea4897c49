package faulttest_test

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/faulttest"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulttest"
)

var (
	initial = map[string]any{"api_key": "fake-initial", "keep": "kept"}
	foreign = map[string]any{"api_key": "fake-foreign", "keep": "changed"}
	mine    = map[string]any{"api_key": "fake-mine", "mine": "yes"}
	others  = map[string]any{"api_key": "fake-others", "others": "yes"}
)

// hand writes with the official client what rotations write, or must not write, and adds it to
// a history.
type hand struct {
	*testing.T
	*faulttest.History
	kv      *api.KVv2
	earlier string // the id of the rotation whose backup a restore writes
	later   string // the id of another one
}

func newHand(t *testing.T) *hand {
	t.Helper()
	root := vaulttest.Root(t)
	observer := &faulttest.Observer{Client: root, Mount: vaulttest.Mount, Base: vaulttest.Base}
	h := &hand{T: t, History: faulttest.NewHistory(observer, vaulttest.Name(t)), kv: root.KVv2(vaulttest.Mount)}
	h.foreignPut(initial)
	return h
}

func (h *hand) path(dir string) string { return vaulttest.Base + "/" + dir + "/" + h.Provider }

func (h *hand) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// put writes the provider and adds nothing to the history.
func (h *hand) put(data map[string]any) int {
	h.Helper()
	written, err := h.kv.Put(h.Context(), h.path("providers"), data)
	h.must(err)
	return written.VersionMetadata.Version
}

func (h *hand) foreignPut(data map[string]any) {
	h.Helper()
	h.AddForeignWrite(h.put(data), data)
}

// current returns the provider's newest version.
func (h *hand) current() (int, map[string]any) {
	h.Helper()
	secret, err := h.kv.Get(h.Context(), h.path("providers"))
	h.must(err)
	return secret.VersionMetadata.Version, secret.Data
}

// id returns the id of a change of the current version.
func (h *hand) id(fields map[string]any) string {
	h.Helper()
	secret, err := h.kv.Get(h.Context(), h.path("providers"))
	h.must(err)
	old, err := protocol.Canonical(secret.Data)
	h.must(err)
	next, err := protocol.Canonical(merged(secret.Data, fields))
	h.must(err)
	return protocol.NewID(secret.VersionMetadata.CreatedTime, secret.VersionMetadata.Version, old, next).String()
}

func merged(old, fields map[string]any) map[string]any {
	next := maps.Clone(old)
	maps.Copy(next, fields)
	return next
}

func (h *hand) backup(id string, data map[string]any) {
	h.Helper()
	_, err := h.kv.Put(h.Context(), h.path("backups")+"/"+id, data)
	h.must(err)
}

func (h *hand) deleteBackup(id string) {
	h.Helper()
	h.must(h.kv.DeleteMetadata(h.Context(), h.path("backups")+"/"+id))
}

func (h *hand) record(id string, outcome protocol.Outcome, source, version int) {
	h.Helper()
	h.putRecord(protocol.Record{ID: id, Provider: h.Provider, Outcome: outcome, OldVersion: source, NewVersion: version, Backup: id})
}

func (h *hand) putRecord(record protocol.Record) {
	h.Helper()
	text, err := record.Encode()
	h.must(err)
	var data map[string]any
	h.must(json.Unmarshal(text, &data))
	_, err = h.kv.Put(h.Context(), h.path("rotations")+"/"+record.ID, data)
	h.must(err)
}

// begin writes the backup of the current version for a change of it.
func (h *hand) begin(fields map[string]any) (id string) {
	h.Helper()
	id = h.id(fields)
	_, old := h.current()
	h.backup(id, old)
	return id
}

// commit runs a rotation without its record.
func (h *hand) commit(fields map[string]any) (id string, version int) {
	h.Helper()
	id = h.begin(fields)
	_, old := h.current()
	return id, h.put(merged(old, fields))
}

// rotate runs a whole rotation.
func (h *hand) rotate(fields map[string]any) (id string, version int) {
	h.Helper()
	id, version = h.commit(fields)
	h.record(id, protocol.Committed, version-1, version)
	return id, version
}

// respond adds the response of an actor that wanted these fields.
func (h *hand) respond(fields map[string]any, status faulttest.Status, fill func(*faulttest.Response)) {
	response := faulttest.Response{Actor: "somebody", Wants: faulttest.Change{Merge: fields}, Status: status}
	if fill != nil {
		fill(&response)
	}
	h.AddResponse(response)
}

// succeed runs a rotation and adds its success to the history.
func (h *hand) succeed(fields map[string]any) (id string, version int) {
	h.Helper()
	id, version = h.rotate(fields)
	h.respond(fields, faulttest.Succeeded, func(c *faulttest.Response) { c.ID, c.NewVersion = id, version })
	return id, version
}

func (h *hand) check() []faulttest.Violation {
	h.Helper()
	found, err := h.Check(h.Context())
	h.must(err)
	return found
}
