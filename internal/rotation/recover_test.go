package rotation_test

import (
	"errors"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
)

// Recover reports no success for an outcome that it could not record.
func TestRecover_FailsIfARecordCannotBeWritten(t *testing.T) {
	p := clienttest.PutProviderLackingARecord(t)
	client := clienttest.NewWithFaults(t, faultproxy.OnEvery("PUT", "/rotations/"+p, denial))
	if found, err := client.Recover(t.Context(), p); !errors.Is(err, vaultkit.ErrPermissionDenied) {
		t.Errorf("Recover without the capability to write records = %+v, %v, want ErrPermissionDenied", found, err)
	}
}
