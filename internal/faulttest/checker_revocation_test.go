package faulttest_test

import (
	"encoding/json"
	"testing"

	"goblin/vaultkit/internal/faulttest"
)

// A key that was revoked is not in force then or later, unless a foreign writer or AllowRevoked
// put it in force.
func TestChecker_OfRevokedKeys(t *testing.T) {
	back := map[string]any{"api_key": initial["api_key"]}
	for name, tc := range map[string]struct {
		make func(h *hand)
		want string
	}{
		"replaced": {func(h *hand) { h.succeed(mine); h.revokeKey("fake-initial") }, ""},
		"in force": {func(h *hand) { h.succeed(mine); h.revokeKey("fake-mine") }, "J1"},
		"in force with white space": {func(h *hand) {
			h.succeed(map[string]any{"api_key": "fake-initial\n"})
			h.revokeKey("fake-initial")
		}, "J1"},
		"in force within another text": {func(h *hand) {
			h.succeed(map[string]any{"api_key": "fake-mine", "url": "https://u:fake%2Dinitial@host"})
			h.revokeKey("fake-initial")
		}, "J1"},
		"brought back": {func(h *hand) { h.succeed(mine); h.revokeKey("fake-initial"); h.succeed(back) }, "J1"},
		"brought back and replaced again": {func(h *hand) {
			h.succeed(mine)
			h.revokeKey("fake-initial")
			h.succeed(back)
			h.succeed(others)
		}, "J1"},
		"brought back in another field": {func(h *hand) {
			h.succeed(mine)
			h.revokeKey("fake-initial")
			h.succeed(map[string]any{"spare": " fake-initial"})
		}, "J1"},
		"brought back before": {func(h *hand) { h.succeed(mine); h.succeed(back); h.succeed(others); h.revokeKey("fake-initial") }, ""},
		"brought back by a foreign writer": {func(h *hand) {
			h.succeed(mine)
			h.revokeKey("fake-initial")
			h.foreignPut(initial)
		}, ""},
		"brought back by a foreign writer and carried along": {func(h *hand) {
			h.succeed(mine)
			h.revokeKey("fake-initial")
			h.foreignPut(initial)
			h.succeed(map[string]any{"mine": "yes"})
		}, ""},
		"brought back by a foreign writer before it began": {func(h *hand) {
			h.succeed(mine)
			h.foreignPut(initial)
			h.revokeKey("fake-initial")
		}, "J1"},
		"allowed": {func(h *hand) {
			h.succeed(mine)
			h.revokeKey("fake-initial")
			id, version := h.rotate(back)
			h.respond(back, faulttest.Succeeded, func(c *faulttest.Response) { c.ID, c.NewVersion, c.Wants.AllowRevoked = id, version, true })
		}, ""},
		"deleted at that moment, and undeleted": {func(h *hand) {
			h.succeed(mine)
			h.delete()
			h.revokeKey("fake-mine")
			h.undelete()
		}, "J1"},
		"deleted for good": {func(h *hand) { h.succeed(mine); h.check(); h.delete(); h.revokeKey("fake-mine") }, ""},
		"short, in the same field": {func(h *hand) {
			h.succeed(map[string]any{"pin": json.Number("4711")})
			h.revokeKeyOf("pin", "4711")
		}, "J1"},
		"short, in another field": {func(h *hand) { h.succeed(map[string]any{"seat": "4711"}); h.revokeKeyOf("pin", "4711") }, ""},
		"taken back, and in force": {func(h *hand) {
			h.succeed(mine)
			h.revoke(true, "api_key", "fake-mine")
		}, "J2"},
		"told of a revocation that is not recorded": {func(h *hand) {
			id, _ := h.succeed(mine)
			h.revokeKey("fake-initial")
			h.AddResponse(faulttest.Response{Status: faulttest.Succeeded, Revoked: id})
		}, "I4a"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHand(t)
			tc.make(h)
			wantViolated(t, h.check(), tc.want)
		})
	}
}

func (h *hand) revokeKey(key string) {
	h.Helper()
	h.revokeKeyOf("api_key", key)
}

func (h *hand) revokeKeyOf(field, key string) {
	h.Helper()
	h.revoke(false, field, key)
}

func (h *hand) revoke(unused bool, field, key string) {
	h.Helper()
	api, err := h.NewProviderAPI(h.Context(), "somebody", unused)
	h.must(err)
	h.must(api.AddRevoked(h.Context(), map[string]string{field: key}))
}

// delete soft-deletes the current version, and says so.
func (h *hand) delete() {
	h.Helper()
	version, _ := h.current()
	h.AddDeletion(version)
	h.must(h.kv.Delete(h.Context(), h.path("providers")))
}

func (h *hand) undelete() {
	h.Helper()
	version, _ := h.current()
	h.must(h.kv.Undelete(h.Context(), h.path("providers"), []int{version}))
}
