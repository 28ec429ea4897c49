package rotation_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

func TestRotate_VerifiesWithTheSource(t *testing.T) {
	client := clienttest.New(t)
	p, source, wrong := vaulttest.PutProvider(t, clienttest.OldSecret), clienttest.NewIssuingSource(), errors.New("wrong key")
	source.VerifyErr = wrong
	vaulttest.AssertSecretUnchanged(t, p, func() {
		_, err := client.Rotate(t.Context(), p, source)
		if !errors.Is(err, wrong) || len(source.Verified) != 1 || source.Verified[0]["keep"] != "kept" {
			t.Errorf("Rotate = %v, verified %v, want the verifier's error after one call", err, source.Verified)
		}
	})
	// The source revokes the key that it has just created. It does not revoke the fields that
	// are also in force.
	if want := []map[string]string{{"api_key": "fake-issued"}}; !reflect.DeepEqual(source.Revoked, want) {
		t.Errorf("Rotate revoked %v, want %v", source.Revoked, want)
	}
	for _, target := range source.Told {
		if target.Provider != p || !strings.HasPrefix(target.Stamp, "vaultkit-"+p+"-v2-") {
			t.Errorf("the source's target is %+v, want the provider and its stamp", target)
		}
	}
	good := clienttest.NewIssuingSource()
	good.Fields = map[string]any{"api_key": "fake-issued-again"} // a revoked key stays refused
	if _, err := client.Rotate(t.Context(), p, good); err != nil || len(good.Verified) != 1 || len(good.Revoked) > 0 {
		t.Errorf("Rotate = %v, verified %v, revoked %v, want success and no revocation", err, good.Verified, good.Revoked)
	}
}

// Both verifications run, the source's first.
func TestRotate_RunsBothVerifications(t *testing.T) {
	p, source, wrong := vaulttest.PutProvider(t, clienttest.OldSecret), clienttest.NewIssuingSource(), errors.New("wrong key")
	_, err := clienttest.New(t).Rotate(t.Context(), p, source, vaultkit.WithVerify(func(context.Context, vaultkit.Target, vaultkit.ProviderKeys) error {
		if len(source.Verified) != 1 {
			t.Error("WithVerify was called before the source's Verify, want it called after")
		}
		return wrong
	}))
	if !errors.Is(err, wrong) || len(source.Revoked) != 1 {
		t.Errorf("Rotate = %v, revoked %v, want the verifier's error and one revoked key", err, source.Revoked)
	}
}

// A key is created only once, whichever request fails. It is revoked only if it is certainly not in
// force and no run can put it in force: a rotation that began and was denied can be run again.
func TestRotate_RevokesAnIssuedKeyOnlyIfItIsUnused(t *testing.T) {
	commit := func(p string) string { return "/data/" + vaulttest.Base + "/providers/" + p }
	never := make(chan struct{})
	for name, tc := range map[string]struct {
		rule    func(p string, source *clienttest.IssuingSource, cancel context.CancelFunc) faultproxy.Rule
		want    error // nil: success
		revoked bool
		kept    bool // and named in the error
	}{
		"ridden out": {func(p string, _ *clienttest.IssuingSource, _ context.CancelFunc) faultproxy.Rule {
			return faultproxy.OnMatch("PUT", commit(p), faultproxy.Lose())
		}, nil, false, false},
		"conflict": {func(p string, _ *clienttest.IssuingSource, _ context.CancelFunc) faultproxy.Rule {
			return clienttest.BeforeCommit(p, func() { clienttest.Rotate(t, clienttest.New(t), p, "fake-rival") })
		}, vaultkit.ErrConflict, true, false},
		"denied": {func(p string, _ *clienttest.IssuingSource, _ context.CancelFunc) faultproxy.Rule {
			return faultproxy.OnMatch("PUT", commit(p), faultproxy.Error(403, `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}`, false))
		}, vaultkit.ErrPermissionDenied, false, true},
		"backup never answered": {func(_ string, _ *clienttest.IssuingSource, cancel context.CancelFunc) faultproxy.Rule {
			return faultproxy.OnMatch("PUT", "/data/"+vaulttest.Base+"/backups/", faultproxy.Refuse().Before(cancel))
		}, context.Canceled, true, false},
		"backup on its way": {func(_ string, _ *clienttest.IssuingSource, cancel context.CancelFunc) faultproxy.Rule {
			return faultproxy.OnMatch("PUT", "/data/"+vaulttest.Base+"/backups/", faultproxy.Kill(cancel))
		}, vaultkit.ErrUndetermined, false, true},
		"commit never answered": {func(p string, _ *clienttest.IssuingSource, cancel context.CancelFunc) faultproxy.Rule {
			return faultproxy.OnMatch("PUT", commit(p), faultproxy.Kill(cancel))
		}, vaultkit.ErrUndetermined, false, true},
		"commit on its way": {func(p string, _ *clienttest.IssuingSource, cancel context.CancelFunc) faultproxy.Rule {
			return faultproxy.OnMatch("PUT", commit(p), faultproxy.Late(never).Before(cancel))
		}, vaultkit.ErrUndetermined, false, true},
		"cannot be taken back": {func(p string, source *clienttest.IssuingSource, _ context.CancelFunc) faultproxy.Rule {
			source.RevokeErr = errors.New("the issuer is down")
			return clienttest.BeforeCommit(p, func() { clienttest.Rotate(t, clienttest.New(t), p, "fake-rival") })
		}, vaultkit.ErrConflict, true, true},
		"gone already": {func(p string, source *clienttest.IssuingSource, _ context.CancelFunc) faultproxy.Rule {
			source.RevokeErr = vaultkit.ErrAlreadyRevoked
			return clienttest.BeforeCommit(p, func() { clienttest.Rotate(t, clienttest.New(t), p, "fake-rival") })
		}, vaultkit.ErrConflict, true, false},
		// The provider's API returns the same key to two rotations. The other one commits
		// first.
		"in force by another rotation": {func(p string, _ *clienttest.IssuingSource, _ context.CancelFunc) faultproxy.Rule {
			return clienttest.BeforeCommit(p, func() {
				if _, err := clienttest.New(t).Rotate(t.Context(), p, vaultkit.NewFields(map[string]any{"api_key": "fake-issued", "keep": "else"})); err != nil {
					t.Error(err)
				}
			})
		}, vaultkit.ErrConflict, false, true},
		"whether in force cannot be read": {func(p string, _ *clienttest.IssuingSource, _ context.CancelFunc) faultproxy.Rule {
			denied := faultproxy.Error(403, `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}`, false)
			refused := false
			return faultproxy.When(func(r faultproxy.Request) bool {
				refused = refused || r.Method == "PUT" && strings.Contains(r.Path, commit(p))
				return refused && strings.Contains(r.Path, commit(p))
			}, denied)
		}, vaultkit.ErrPermissionDenied, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			p, source := vaulttest.PutProvider(t, clienttest.OldSecret), clienttest.NewIssuingSource()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			client := clienttest.NewWithFaults(t, tc.rule(p, source, cancel))
			_, err := client.Rotate(ctx, p, source)
			if undetermined := errors.Is(err, vaultkit.ErrUndetermined); !errors.Is(err, tc.want) || undetermined && !errors.Is(tc.want, vaultkit.ErrUndetermined) {
				t.Errorf("Rotate = %v, want %v", err, tc.want)
			}
			if source.Created != 1 || (len(source.Revoked) == 1) != tc.revoked || len(source.Revoked) > 1 {
				t.Errorf("the source created %d keys and revoked %v, want 1 created", source.Created, source.Revoked)
			}
			if named := err != nil && strings.Contains(err.Error(), "vaultkit-"+p+"-v2-"); named != tc.kept {
				t.Errorf("Rotate = %v, which names the key: %t, want %t", err, named, tc.kept)
			}
		})
	}
}

// A key that was in force before the rotation is never revoked.
func TestRotate_NeverRevokesAKeyThatWasInForce(t *testing.T) {
	p, source := vaulttest.PutProvider(t, clienttest.OldSecret), clienttest.NewIssuingSource()
	source.Fields = clienttest.OldSecret
	if _, err := clienttest.New(t).Rotate(t.Context(), p, source); !errors.Is(err, vaultkit.ErrNoChange) || len(source.Revoked) > 0 {
		t.Errorf("Rotate = %v, revoked %v, want ErrNoChange and nothing revoked", err, source.Revoked)
	}
	client := clienttest.NewWithFaults(t, faultproxy.OnEvery("GET", "/metadata/", faultproxy.Refuse()), vaultkit.WithTimeouts(vaultkit.Timeouts{Write: 100 * time.Millisecond}))
	if _, err := client.Rotate(t.Context(), p, source); !errors.Is(err, vaultkit.ErrUnavailable) || len(source.Revoked) > 0 {
		t.Errorf("Rotate without the list of backups = %v, revoked %v, want ErrUnavailable and none", err, source.Revoked)
	}
}

func TestRotate_RevokesAnInvalidIssuedKey(t *testing.T) {
	p, source := vaulttest.PutProvider(t, clienttest.OldSecret), clienttest.NewIssuingSource()
	source.Fields = map[string]any{"api_key": "fake-issued", "id": 12, "empty": ""}
	vaulttest.AssertSecretUnchanged(t, p, func() {
		_, err := clienttest.New(t).Rotate(t.Context(), p, source)
		if want := []map[string]string{{"api_key": "fake-issued", "id": "12", "empty": ""}}; !errors.Is(err, vaultkit.ErrInvalid) || !reflect.DeepEqual(source.Revoked, want) {
			t.Errorf("Rotate = %v, revoked %v, want the new key revoked", err, source.Revoked)
		}
	})
}

func TestRotate_DryRunRevokesNothing(t *testing.T) {
	p, source := vaulttest.PutProvider(t, clienttest.OldSecret), clienttest.NewIssuingSource()
	source.VerifyErr = errors.New("wrong key")
	if _, err := clienttest.New(t).Rotate(t.Context(), p, source, vaultkit.WithDryRun()); err == nil || len(source.Revoked) > 0 {
		t.Errorf("Rotate = %v, revoked %v, want an error and nothing revoked", err, source.Revoked)
	}
}

// If a source cannot revoke its key, the error names the key.
func TestRotate_NamesAKeyThatTheSourceCannotRevoke(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	client := clienttest.NewWithFaults(t, clienttest.BeforeCommit(p, func() { clienttest.Rotate(t, clienttest.New(t), p, "fake-rival") }))
	_, err := client.Rotate(t.Context(), p, &clienttest.FieldSource{Fields: map[string]any{"api_key": "fake-issued"}})
	if !errors.Is(err, vaultkit.ErrConflict) || !strings.Contains(err.Error(), "vaultkit-"+p+"-v2-") {
		t.Errorf("Rotate = %v, want ErrConflict that names the key", err)
	}
	_, err = client.Rotate(t.Context(), p, vaultkit.NewKey("fake-rival"), vaultkit.WithVerify(func(context.Context, vaultkit.Target, vaultkit.ProviderKeys) error { return errors.New("x") }))
	if err != nil && strings.Contains(err.Error(), "at the issuer") {
		t.Errorf("Rotate to a given key = %v, want no name at the provider's API", err)
	}
}
