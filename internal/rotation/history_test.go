package rotation_test

import (
	"errors"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulttest"
)

// A revocation that cannot be read now is no reason to show the rotation without it.
func TestHistory_FailsIfARevocationCannotBeRead(t *testing.T) {
	p, ids := clienttest.PutRotatedProvider(t, 1)
	if _, err := clienttest.New(t).RevokeOld(t.Context(), p, ids[0], &clienttest.Revoker{}, vaultkit.IgnoreOtherProviders()); err != nil {
		t.Fatal(err)
	}
	record := "/data/" + vaulttest.Base + "/rotations/" + p + "/" + ids[0] + protocol.RevokedSuffix
	client := clienttest.NewWithFaults(t, faultproxy.OnEvery("GET", record, denial))
	if history, err := client.History(t.Context(), p); !errors.Is(err, vaultkit.ErrPermissionDenied) {
		t.Errorf("History without the capability to read the revocation = %+v, %v, want ErrPermissionDenied", history, err)
	}
}
