package session_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
	"goblin/vaultkit/internal/vaulttest"
)

func TestProbe(t *testing.T) {
	h := newHarness(t)
	t.Setenv("HOME", t.TempDir())
	lookup := func(name string) string { return h.secret("canary-of-" + name) }
	private, public := h.file(h.secret("canary-private")), h.file(h.secret("canary-public"))
	if err := os.Chmod(public, 0o644); err != nil { //nolint:gosec // that is what is found
		t.Fatal(err)
	}
	exposed := []string{public}
	if runtime.GOOS == "windows" {
		exposed = nil
	}
	variable, missing := session.FromLookup("FAKE", lookup), filepath.Join(t.TempDir(), "missing")
	for name, tc := range map[string]struct {
		by   session.Method
		want session.LoginInfo
		ok   bool
	}{
		"literal token":   {session.Token(session.FromString("canary")), session.LoginInfo{Kind: session.KindToken}, true},
		"variable":        {session.Token(variable), session.LoginInfo{Kind: session.KindToken, Variable: "FAKE"}, true},
		"private file":    {session.Token(session.FromFile(private)), session.LoginInfo{Kind: session.KindToken, File: private}, true},
		"public file":     {session.Token(session.FromFile(public)), session.LoginInfo{Kind: session.KindToken, File: public, WorldReadable: exposed}, true},
		"missing file":    {session.Token(session.FromFile(missing)), session.LoginInfo{Kind: session.KindToken, File: missing}, false},
		"no vault login":  {session.Token(session.CLIToken()), session.LoginInfo{Kind: session.KindToken, File: filepath.Join(os.Getenv("HOME"), ".vault-token")}, false},
		"AppRole":         {session.AppRole("", session.FromFile(public), variable), session.LoginInfo{Kind: session.KindAppRole, Mount: "approle", Variable: "FAKE"}, true},
		"wrapped":         {session.AppRole("m", variable, session.Wrapped(session.FromFile(public))), session.LoginInfo{Kind: session.KindAppRole, Mount: "m", File: public, Wrapped: true, WorldReadable: exposed}, true},
		"missing role id": {session.AppRole("m", session.FromFile(missing), variable), session.LoginInfo{Kind: session.KindAppRole, Mount: "m", Variable: "FAKE"}, false},
		"a pod":           {session.Kubernetes("", "goblin", public), session.LoginInfo{Kind: session.KindKubernetes, Mount: "kubernetes", Role: "goblin", File: public}, true},
		"no JWT in it":    {session.JWT("", "", variable), session.LoginInfo{Kind: session.KindJWT, Mount: "jwt", Variable: "FAKE"}, false},
		"public JWT":      {session.JWT("ci", "goblin", session.FromFile(public)), session.LoginInfo{Kind: session.KindJWT, Mount: "ci", Role: "goblin", File: public, WorldReadable: exposed}, false},
		"missing JWT":     {session.JWT("", "", session.FromFile(missing)), session.LoginInfo{Kind: session.KindJWT, Mount: "jwt", File: missing}, false},
		"no JWT":          {session.JWT("", "", session.Credential{}), session.LoginInfo{}, false},
		"not a JWT":       {session.JWT("", "ci", session.FromFile(private)), session.LoginInfo{Kind: session.KindJWT, Mount: "jwt", Role: "ci", File: private}, false},
		"no GitHub":       {session.JWT("m", "", session.GitHubToken("vault", func(string) string { return "" }, nil)), session.LoginInfo{Kind: session.KindJWT, Mount: "m", GitHub: true}, false},
		"auth method": {session.AuthMethod("m", func(context.Context) (api.AuthMethod, error) {
			t.Error("Probe makes the auth method, want it only made at a login")
			return nil, nil
		}), session.LoginInfo{Kind: session.KindAuthMethod}, true},
		"no function": {session.AuthMethod("m", nil), session.LoginInfo{}, false},
		"a proxy":     {session.ProxyLogin(), session.LoginInfo{Kind: session.KindProxy}, true},
		"no role":     {session.Kubernetes("", "", public), session.LoginInfo{}, false},
	} {
		got, err := session.Probe(t.Context(), tc.by)
		if !reflect.DeepEqual(got, tc.want) || (err == nil) != tc.ok || err != nil && !errors.Is(err, vaulterr.ErrInvalid) {
			t.Errorf("Probe(%s) = %+v, %v, want %+v, success %t", name, got, err, tc.want, tc.ok)
		}
	}
}

// The claims of a JWT are read as it says them. Only Vault can verify them.
func TestProbe_ReadsTheClaimsOfAJWT(t *testing.T) {
	h := newHarness(t)
	signer, ends := vaulttest.NewSigner("ES256"), time.Now().Add(time.Hour).Truncate(time.Second)
	for name, tc := range map[string]struct {
		claims    map[string]any
		audiences []string
		ends      time.Time
		texts     map[string]string
	}{
		"one audience": {map[string]any{"aud": "vault", "exp": ends.Unix()}, []string{"vault"}, ends, nil},
		"two":          {map[string]any{"aud": []any{"vault", "other", 3}}, []string{"vault", "other"}, time.Time{}, nil},
		"other types": {map[string]any{"aud": 5, "exp": "soon", "level": 1001, "admin": true, "nested": map[string]any{"a": "b"}}, nil, time.Time{},
			map[string]string{"level": "1001", "admin": "true", "nested": "", "missing": ""}},
	} {
		about, err := session.Probe(t.Context(), session.JWT("", "", session.FromString(h.secret(signer.Sign(tc.claims)))))
		if err != nil {
			t.Errorf("Probe of a JWT with %s = %v, want no error", name, err)
			continue
		}
		if got := about.JWT; !slices.Equal(got.Audiences, tc.audiences) || !got.Ends.Equal(tc.ends) {
			t.Errorf("Probe of a JWT with %s = audiences %q, end %v, want %q, %v", name, got.Audiences, got.Ends, tc.audiences, tc.ends)
		}
		for claim, want := range tc.texts {
			if got := about.JWT.Text(claim); got != want {
				t.Errorf("Text(%s) of a JWT with %s = %q, want %q", claim, name, got, want)
			}
		}
	}
}

func TestCheckWrapped_KeepsTheTokenUsable(t *testing.T) {
	h := newHarness(t)
	roleID := session.FromString(h.role(nil))
	check := func(by session.Method) error { return session.CheckWrapped(t.Context(), h.client(), by, time.Second) }
	made := h.wrapped("auth/"+h.mount+"/role/app/secret-id", nil)
	by := session.AppRole(h.mount, roleID, session.Wrapped(session.FromString(made)))
	for range 2 {
		if err := check(by); err != nil {
			t.Fatal(err)
		}
	}
	h.mustDo(h.mustOpen(by))
	elsewhere := h.wrapped("sys/wrapping/wrap", map[string]any{"secret_id": "fake"})
	for name, tc := range map[string]struct {
		by   session.Method
		kind error
	}{
		"used":      {by, vaulterr.ErrWrappingToken},
		"elsewhere": {session.AppRole(h.mount, roleID, session.Wrapped(session.FromString(elsewhere))), vaulterr.ErrWrappingToken},
		"missing":   {session.AppRole(h.mount, roleID, session.Wrapped(session.FromFile("/nowhere"))), vaulterr.ErrInvalid},
		"plain":     {session.AppRole(h.mount, roleID, roleID), vaulterr.ErrInvalid},
		"a token":   {session.Token(roleID), vaulterr.ErrInvalid},
	} {
		if err := check(tc.by); !errors.Is(err, tc.kind) {
			t.Errorf("CheckWrapped(%s) = %v, want %v", name, err, tc.kind)
		}
	}
}
