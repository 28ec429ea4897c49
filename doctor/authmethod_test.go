package doctor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/doctor"
	"goblin/vaultkit/internal/logbuffer"
	"goblin/vaultkit/internal/vaulttest"
)

// givenToken is an auth method that returns a token without a request.
type givenToken struct{ token string }

func (m givenToken) Login(context.Context, *api.Client) (*api.Secret, error) {
	return &api.Secret{Auth: &api.SecretAuth{ClientToken: m.token}}, nil
}

// Diagnose logs in with the program's auth method, and shows nothing of its error but the type.
func TestDiagnose_WithAnAuthMethod(t *testing.T) {
	const planted = "planted-in-the-error"
	token := vaulttest.Token(t, vaulttest.Policy(t, "../", "reader"))
	for name, tc := range map[string]struct {
		method api.AuthMethod
		err    error
		status doctor.Status
	}{
		"works":  {givenToken{token}, nil, doctor.OK},
		"fails":  {nil, fmt.Errorf("%s: %w", planted, errors.New(planted)), doctor.Failed},
		"is nil": {nil, nil, doctor.Failed},
	} {
		var logs logbuffer.Buffer
		found := map[string]doctor.Finding{}
		for one := range doctor.Diagnose(t.Context(), doctor.Query{},
			vaultkit.WithAddress(vaulttest.Server().Addr()), vaultkit.WithLogger(logs.Logger()),
			vaultkit.WithAuthMethod("test method", func(context.Context) (api.AuthMethod, error) { return tc.method, tc.err })) {
			found[one.Check] = one
			text, err := json.Marshal(one)
			if said := fmt.Sprintf("%s %+v %#v %v", text, one, one.Err, err); strings.Contains(said, planted) || strings.Contains(said, token) {
				t.Errorf("Diagnose(%s): the finding %s contains a secret", name, one.Check)
			}
		}
		if got := found["credentials"]; got.Status != doctor.OK || !strings.Contains(got.Detail, "test method") {
			t.Errorf("Diagnose(%s): credentials = %s %q, want ok and the name of the method", name, got.Status, got.Detail)
		}
		if got := found["login"]; got.Status != tc.status {
			t.Errorf("Diagnose(%s): login = %s %q, want %s", name, got.Status, got.Detail, tc.status)
		}
		if strings.Contains(logs.String(), planted) {
			t.Errorf("Diagnose(%s): the log contains the text of the error", name)
		}
	}
}
