package session_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"
	"time"

	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

func TestExamine(t *testing.T) {
	w := newWorld(t)
	t.Setenv("HOME", t.TempDir())
	lookup := func(name string) string { return w.secret("canary-of-" + name) }
	private, public := w.file(w.secret("canary-private")), w.file(w.secret("canary-public"))
	if err := os.Chmod(public, 0o644); err != nil { //nolint:gosec // that is what is found
		t.Fatal(err)
	}
	exposed := []string{public}
	if runtime.GOOS == "windows" {
		exposed = nil
	}
	variable, missing := session.Variable("FAKE", lookup), filepath.Join(t.TempDir(), "missing")
	for name, tc := range map[string]struct {
		by   session.Method
		want session.About
		ok   bool
	}{
		"literal token":   {session.Token(session.Value("canary")), session.About{Kind: session.KindToken}, true},
		"variable":        {session.Token(variable), session.About{Kind: session.KindToken, Variable: "FAKE"}, true},
		"private file":    {session.Token(session.File(private)), session.About{Kind: session.KindToken, File: private}, true},
		"public file":     {session.Token(session.File(public)), session.About{Kind: session.KindToken, File: public, Exposed: exposed}, true},
		"missing file":    {session.Token(session.File(missing)), session.About{Kind: session.KindToken, File: missing}, false},
		"no vault login":  {session.Token(session.CLIToken()), session.About{Kind: session.KindToken, File: filepath.Join(os.Getenv("HOME"), ".vault-token")}, false},
		"AppRole":         {session.AppRole("", session.File(public), variable), session.About{Kind: session.KindAppRole, Mount: "approle", Variable: "FAKE"}, true},
		"wrapped":         {session.AppRole("m", variable, session.Wrapped(session.File(public))), session.About{Kind: session.KindAppRole, Mount: "m", File: public, Wrapped: true, Exposed: exposed}, true},
		"missing role id": {session.AppRole("m", session.File(missing), variable), session.About{Kind: session.KindAppRole, Mount: "m", Variable: "FAKE"}, false},
		"a pod":           {session.Kubernetes("", "goblin", public), session.About{Kind: session.KindKubernetes, Mount: "kubernetes", Role: "goblin", File: public}, true},
		"no role":         {session.Kubernetes("", "", public), session.About{}, false},
	} {
		got, err := session.Examine(tc.by)
		if !reflect.DeepEqual(got, tc.want) || (err == nil) != tc.ok || err != nil && !errors.Is(err, vaulterr.ErrInvalid) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// Only whoever logs in uses the wrapping token up.
func TestPeekWrapped(t *testing.T) {
	w := newWorld(t)
	roleID := session.Value(w.role(nil))
	peek := func(by session.Method) error { return session.PeekWrapped(t.Context(), w.client(), by, time.Second) }
	made := w.wrapped("auth/"+w.mount+"/role/app/secret-id", nil)
	by := session.AppRole(w.mount, roleID, session.Wrapped(session.Value(made)))
	for range 2 {
		if err := peek(by); err != nil {
			t.Fatal(err)
		}
	}
	w.mustDo(w.mustOpen(by))
	elsewhere := w.wrapped("sys/wrapping/wrap", map[string]any{"secret_id": "fake"})
	for name, tc := range map[string]struct {
		by   session.Method
		kind error
	}{
		"used":      {by, vaulterr.ErrWrappingToken},
		"elsewhere": {session.AppRole(w.mount, roleID, session.Wrapped(session.Value(elsewhere))), vaulterr.ErrWrappingToken},
		"missing":   {session.AppRole(w.mount, roleID, session.Wrapped(session.File("/nowhere"))), vaulterr.ErrInvalid},
		"plain":     {session.AppRole(w.mount, roleID, roleID), vaulterr.ErrInvalid},
		"a token":   {session.Token(roleID), vaulterr.ErrInvalid},
	} {
		if err := peek(tc.by); !errors.Is(err, tc.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
