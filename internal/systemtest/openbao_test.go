package systemtest_test

import (
	"errors"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/doctor"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
)

// onOpenBao starts an OpenBao with a provider and an AppRole, and returns its options.
func onOpenBao(t *testing.T) (root *api.Client, provider string, opts []vaultkit.Option) {
	t.Helper()
	server := vaulttest.StartOpenBao(t)
	root, provider = vaulttest.RootOf(t, server), "openai-gpt4"
	if err := root.Sys().PutPolicyWithContext(t.Context(), "reader", vaulttest.Policy(t, "../../", "reader")); err != nil {
		t.Fatal(err)
	}
	path := vaulttest.Base + "/providers/" + provider
	if _, err := root.KVv2(vaulttest.Mount).Put(t.Context(), path, map[string]any{"api_key": "fake"}); err != nil {
		t.Fatal(err)
	}
	vaulttest.Write(t, root, "auth/approle/role/service", map[string]any{"token_policies": "reader", "token_no_default_policy": true})
	roleID, err := root.Logical().ReadWithContext(t.Context(), "auth/approle/role/service/role-id")
	if err != nil {
		t.Fatal(err)
	}
	secretID, err := root.Logical().WriteWithContext(t.Context(), "auth/approle/role/service/secret-id", nil)
	if err != nil {
		t.Fatal(err)
	}
	return root, provider, []vaultkit.Option{vaultkit.WithAddress(server.Addr()), vaultkit.WithAppRole(vaultkit.AppRole{
		RoleID: vaultkit.FromString(roleID.Data["role_id"].(string)), SecretID: vaultkit.FromString(secretID.Data["secret_id"].(string)),
	})}
}

// TestOpenBao_EndedTokenIsReplaced revokes the token of a client. OpenBao does not say that a token is
// unknown to it.
func TestOpenBao_EndedTokenIsReplaced(t *testing.T) {
	root, provider, opts := onOpenBao(t)
	client := clienttest.New(t, opts...)
	clienttest.WantAPIKey(t, client, provider, "fake")
	ended := client.Vault().Token()
	if err := root.Auth().Token().RevokeTreeWithContext(t.Context(), ended); err != nil {
		t.Fatal(err)
	}
	clienttest.WantAPIKey(t, client, provider, "fake")
	if client.Vault().Token() == ended {
		t.Error("the client has the token that was revoked, want another one")
	}
}

// TestOpenBao_MissingRightCausesNoLogin is the other denial, which must not look like an ended token.
func TestOpenBao_MissingRightCausesNoLogin(t *testing.T) {
	_, provider, opts := onOpenBao(t)
	client := clienttest.New(t, opts...)
	before := client.Vault().Token()
	for range 3 {
		if _, err := client.Rotate(t.Context(), provider, vaultkit.NewKey("fake-new")); !errors.Is(err, vaultkit.ErrPermissionDenied) {
			t.Errorf("Rotate by a reader = %v, want ErrPermissionDenied", err)
		}
	}
	if client.Vault().Token() != before {
		t.Error("the client has logged in again, want the same token")
	}
}

func TestOpenBao_UnknownTokenIsRefusedAtTheStart(t *testing.T) {
	_, _, opts := onOpenBao(t)
	opts = append(opts[:1], vaultkit.WithToken(vaultkit.FromString("s.fake-unknown")))
	if _, err := vaultkit.New(t.Context(), opts...); !errors.Is(err, vaultkit.ErrUnauthenticated) {
		t.Errorf("New with an unknown token = %v, want ErrUnauthenticated", err)
	}
	for found := range doctor.Diagnose(t.Context(), doctor.Query{}, opts...) {
		if found.Check == "login" && !errors.Is(found.Err, vaultkit.ErrUnauthenticated) {
			t.Errorf("Diagnose with an unknown token yielded %+v, want ErrUnauthenticated", found)
		}
	}
}

// TestOpenBao_DoctorLooksAtManyProviders needs more paths than OpenBao reads in one request.
func TestOpenBao_DoctorLooksAtManyProviders(t *testing.T) {
	root, _, opts := onOpenBao(t)
	const count = 1_100
	for range count {
		path := vaulttest.Base + "/providers/" + vaulttest.Name(t)
		if _, err := root.KVv2(vaulttest.Mount).Put(t.Context(), path, map[string]any{"api_key": "fake"}); err != nil {
			t.Fatal(err)
		}
	}
	for found := range doctor.Diagnose(t.Context(), doctor.Query{}, opts...) {
		if found.Status == doctor.Failed {
			t.Errorf("Diagnose of %d providers yielded %+v, want no failure", count, found)
		}
	}
}
