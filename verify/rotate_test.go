package verify

import (
	"context"
	"errors"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
)

// TestRotate_StopsBeforeItWrites: a rotation whose new key is rejected, or of which nobody can
// tell whether it works, sends no write to Vault.
func TestRotate_StopsBeforeItWrites(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old"})
	for name, tc := range map[string]struct {
		answer
		key  string
		want error
	}{
		"rejected":      {answer{401, ""}, deadKey, ErrRejected},
		"forbidden":     {answer{403, ""}, deadKey, ErrUnknown},
		"limited":       {answer{429, ""}, deadKey, ErrUnknown},
		"broken":        {answer{500, ""}, deadKey, ErrUnknown},
		"redirected":    {answer{307, ""}, deadKey, ErrUnknown},
		"a page":        {answer{200, "<html>"}, deadKey, ErrUnknown},
		"not sendable":  {answer{200, "{}"}, deadKey + "\n", vaultkit.ErrInvalid},
		"not answering": {answer{0, ""}, deadKey, ErrUnknown},
	} {
		api := standInAnswering(t, tc.answer)
		if tc.status == 0 {
			api.Close()
		}
		seen := len(vaulttest.AuditLog(t))
		vaulttest.AssertUnchanged(t, p, func() {
			_, err := client.Rotate(t.Context(), p, vaultkit.NewKey(tc.key), vaultkit.WithVerify(Compatible(api.URL, Wait(0))))
			wantOutcome(t, "Rotate, "+name, err, tc.want)
			if errors.Is(err, vaultkit.ErrUndetermined) {
				t.Errorf("Rotate, %s = %v, want an error that means that nothing was applied", name, err)
			}
		})
		for _, line := range vaulttest.AuditLines(t, vaulttest.AuditLog(t)[seen:]) {
			if line.Changes() {
				t.Errorf("Rotate, %s: Vault's audit log has %v, want no write", name, line)
			}
		}
	}
}

// TestRotate_Verified: a key that works is put in force, and with AllowUnknown also one of which
// nobody can tell.
func TestRotate_Verified(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old", "token": "fake-old"})
	works, limited := standInAnswering(t, answer{200, "{}"}), standInAnswering(t, answer{429, ""})
	clienttest.Rotate(t, client, p, "fake-new", vaultkit.WithVerify(Compatible(works.URL)))
	clienttest.WantAPIKey(t, client, p, "fake-new")
	if got := works.requests[0].Header.Get("Authorization"); got != "Bearer fake-new" {
		t.Errorf("the API got %q, want the new key", got)
	}
	clienttest.Rotate(t, client, p, "fake-newer", vaultkit.WithVerify(Compatible(limited.URL, Wait(0), AllowUnknown(nil))))
	clienttest.WantAPIKey(t, client, p, "fake-newer")
	_, err := client.Rotate(t.Context(), p, vaultkit.NewFields(map[string]any{"token": "fake-token"}),
		vaultkit.WithVerify(Compatible(works.URL, Field("token"))))
	if got := works.asked("Authorization"); err != nil || got[len(got)-1].Header.Get("Authorization") != "Bearer fake-token" {
		t.Errorf("Rotate(token) = %v, the API got %d keys, want the field of this name last", err, len(got))
	}
}

// verifyingSource makes a key and tries it.
type verifyingSource struct {
	*clienttest.IssuingSource
	verifier Verifier
}

func (s verifyingSource) Verify(ctx context.Context, target vaultkit.Target, keys vaultkit.ProviderKeys) error {
	return s.verifier(ctx, target, keys)
}

// TestRotate_TakesBackAnUnverifiedKey: a source that made a key of which nobody can tell whether
// it works takes it back. The secret, the backups and the records do not change.
func TestRotate_TakesBackAnUnverifiedKey(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old", "keep": "kept"})
	source := verifyingSource{clienttest.NewIssuingSource(), Compatible(standInAnswering(t, answer{503, ""}).URL, Wait(0))}
	vaulttest.AssertSecretUnchanged(t, p, func() {
		_, err := client.Rotate(t.Context(), p, source)
		wantOutcome(t, "Rotate", err, ErrUnknown)
	})
	if len(source.Revoked) != 1 || source.Revoked[0]["api_key"] != "fake-issued" {
		t.Errorf("the source was asked to revoke %v, want the new key", source.Revoked)
	}
}
