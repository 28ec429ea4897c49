package session_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

func TestTokenFromEachSource(t *testing.T) {
	w := newWorld(t)
	token := w.token(api.TokenCreateRequest{TTL: "1h"})
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	w.write(filepath.Join(home, ".vault-token"), token)
	t.Setenv("SESSION_TEST_TOKEN", token)
	for name, source := range map[string]session.Credential{
		"value":       session.Value(token),
		"file":        session.File(w.file(token + "\r\n\n")),
		"environment": session.Env("SESSION_TEST_TOKEN"),
		"CLI":         session.CLIToken(),
	} {
		t.Run(name, func(t *testing.T) {
			if !session.HasCLIToken() {
				t.Error("the CLI's token is not seen")
			}
			s := w.mustOpen(session.Token(source))
			w.mustDo(s)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if w.lookup(token) == nil {
				t.Error("Close revoked a token it did not get itself")
			}
		})
	}
}

func TestTokenThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	t.Setenv("HOME", t.TempDir())
	t.Setenv("USERPROFILE", t.TempDir())
	if session.HasCLIToken() {
		t.Error("a CLI's token in an empty home")
	}
	missing := filepath.Join(t.TempDir(), "missing")
	for name, test := range map[string]struct {
		source session.Credential
		names  string
	}{
		"missing file":      {session.File(missing), missing},
		"empty file":        {session.File(w.file(" \n")), "credential"},
		"too long":          {session.File(w.file(strings.Repeat("x", 64<<10+1))), "credential"},
		"binary":            {session.File(w.file("fake\x00token")), "credential"},
		"a directory":       {session.File(t.TempDir()), "file"},
		"unset environment": {session.Env("SESSION_TEST_UNSET"), "SESSION_TEST_UNSET"},
		"empty value":       {session.Value(""), "literal value"},
		"no CLI token":      {session.CLIToken(), ".vault-token"},
		"none":              {session.Credential{}, "no token"},
		"wrapped":           {session.Wrapped(session.Value("fake")), "secret id"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := w.refused(session.Token(test.source), vaulterr.ErrInvalid); !strings.Contains(err.Error(), test.names) {
				t.Errorf("%q does not name %q", err, test.names)
			}
		})
	}
}

func TestUnknownToken(t *testing.T) {
	w := newWorld(t)
	w.refused(session.Token(session.Value(w.secret("hvs.fake-unknown-token"))), vaulterr.ErrUnauthenticated)
}

func TestTokenThatMayNotLookAtItself(t *testing.T) {
	w := newWorld(t)
	token := w.token(api.TokenCreateRequest{TTL: "1h", NoDefaultPolicy: true})
	w.mustDo(w.mustOpen(session.Token(session.Value(token))))
}

func TestRootTokenNeedsNoKeeping(t *testing.T) {
	w := newWorld(t)
	s := w.mustOpen(session.Token(session.Value(w.secret(server.RootToken()))))
	w.mustDo(s)
}

func TestTokenFileIsReadAgain(t *testing.T) {
	w := newWorld(t)
	path := w.file(w.token(api.TokenCreateRequest{TTL: "1h"}))
	s := w.mustOpen(session.Token(session.File(path)))
	w.mustDo(s)
	w.revoke(s)
	next := w.token(api.TokenCreateRequest{TTL: "1h"})
	w.write(path, next+"\n")
	w.mustDo(s)
	if s.Client().Token() != next {
		t.Error("the shared client did not follow")
	}
	w.revoke(s)
	if err := w.do(s); !errors.Is(err, vaulterr.ErrUnauthenticated) || !strings.Contains(err.Error(), path) {
		t.Errorf("Do with an unchanged file = %v", err)
	}
}

func TestLiteralTokenCannotBeReplaced(t *testing.T) {
	w := newWorld(t)
	s := w.mustOpen(session.Token(session.Value(w.token(api.TokenCreateRequest{TTL: "1h"}))))
	w.revoke(s)
	if err := w.do(s); !errors.Is(err, vaulterr.ErrUnauthenticated) {
		t.Errorf("Do = %v", err)
	}
}

func TestBareTokenIsRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.mustOpen(session.Token(session.Value(w.token(api.TokenCreateRequest{TTL: "3s"}))))
	for start := time.Now(); time.Since(start) < 5*time.Second; time.Sleep(50 * time.Millisecond) {
		w.mustDo(s)
	}
}

func TestBareTokenWarnsBeforeItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	no := false
	w.mustOpen(session.Token(session.Value(w.token(api.TokenCreateRequest{TTL: "3s", Renewable: &no}))))
	w.eventually(10*time.Second, "a warning ahead of the end", func() bool {
		return strings.Contains(w.logs.String(), "replace it before it ends")
	})
	w.eventually(10*time.Second, "a warning at the end", func() bool {
		return strings.Contains(w.logs.String(), "has ended")
	})
}

func TestRotatedTokenFileIsPickedUpAheadOfTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	no := false
	path := w.file(w.token(api.TokenCreateRequest{TTL: "3s", Renewable: &no}))
	s := w.mustOpen(session.Token(session.File(path)))
	next := w.token(api.TokenCreateRequest{TTL: "1h"})
	w.write(path, next)
	w.eventually(10*time.Second, "the new token in use", func() bool { return s.Client().Token() == next })
	w.mustDo(s)
}

// TestTokenInQuotes: the quotes of an environment file are no part of it.
func TestTokenInQuotes(t *testing.T) {
	w := newWorld(t)
	for _, quote := range []string{`"`, `'`} {
		token := w.secret("fake-token-in-quotes")
		err := w.refused(session.Token(session.Value(quote+token+quote)), vaulterr.ErrInvalid)
		if !strings.Contains(err.Error(), "is in quotes: remove them") {
			t.Errorf("Open with a token in %s = %v, want the quotes named", quote, err)
		}
	}
}
