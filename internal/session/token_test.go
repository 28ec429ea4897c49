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
	h := newHarness(t)
	token := h.token(api.TokenCreateRequest{TTL: "1h"})
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	h.write(filepath.Join(home, ".vault-token"), token)
	t.Setenv("SESSION_TEST_TOKEN", token)
	for name, source := range map[string]session.Credential{
		"value":       session.FromString(token),
		"file":        session.FromFile(h.file(token + "\r\n\n")),
		"environment": session.FromEnv("SESSION_TEST_TOKEN"),
		"CLI":         session.CLIToken(),
	} {
		t.Run(name, func(t *testing.T) {
			if !session.HasCLIToken() {
				t.Error("the CLI's token is not seen")
			}
			s := h.mustOpen(session.Token(source))
			h.mustDo(s)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if h.lookup(token) == nil {
				t.Error("Close revoked a token it did not get itself")
			}
		})
	}
}

func TestTokenThatCannotBeRead(t *testing.T) {
	h := newHarness(t)
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
		"missing file":      {session.FromFile(missing), missing},
		"empty file":        {session.FromFile(h.file(" \n")), "credential"},
		"too long":          {session.FromFile(h.file(strings.Repeat("x", 64<<10+1))), "credential"},
		"binary":            {session.FromFile(h.file("fake\x00token")), "credential"},
		"a directory":       {session.FromFile(t.TempDir()), "file"},
		"unset environment": {session.FromEnv("SESSION_TEST_UNSET"), "SESSION_TEST_UNSET"},
		"empty value":       {session.FromString(""), "literal value"},
		"no CLI token":      {session.CLIToken(), ".vault-token"},
		"none":              {session.Credential{}, "no token"},
		"wrapped":           {session.Wrapped(session.FromString("fake")), "secret id"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := h.refused(session.Token(test.source), vaulterr.ErrInvalid); !strings.Contains(err.Error(), test.names) {
				t.Errorf("%q does not name %q", err, test.names)
			}
		})
	}
}

func TestUnknownToken(t *testing.T) {
	h := newHarness(t)
	h.refused(session.Token(session.FromString(h.secret("hvs.fake-unknown-token"))), vaulterr.ErrUnauthenticated)
}

func TestTokenThatMayNotLookAtItself(t *testing.T) {
	h := newHarness(t)
	token := h.token(api.TokenCreateRequest{TTL: "1h", NoDefaultPolicy: true})
	h.mustDo(h.mustOpen(session.Token(session.FromString(token))))
}

func TestRootTokenNeedsNoKeeping(t *testing.T) {
	h := newHarness(t)
	s := h.mustOpen(session.Token(session.FromString(h.secret(server.RootToken()))))
	h.mustDo(s)
}

func TestTokenFileIsReadAgain(t *testing.T) {
	h := newHarness(t)
	path := h.file(h.token(api.TokenCreateRequest{TTL: "1h"}))
	s := h.mustOpen(session.Token(session.FromFile(path)))
	h.mustDo(s)
	h.revoke(s)
	next := h.token(api.TokenCreateRequest{TTL: "1h"})
	h.write(path, next+"\n")
	h.mustDo(s)
	if s.Client().Token() != next {
		t.Error("the shared client did not follow")
	}
	h.revoke(s)
	if err := h.do(s); !errors.Is(err, vaulterr.ErrUnauthenticated) || !strings.Contains(err.Error(), path) {
		t.Errorf("Do with an unchanged file = %v", err)
	}
}

func TestLiteralTokenCannotBeReplaced(t *testing.T) {
	h := newHarness(t)
	s := h.mustOpen(session.Token(session.FromString(h.token(api.TokenCreateRequest{TTL: "1h"}))))
	h.revoke(s)
	if err := h.do(s); !errors.Is(err, vaulterr.ErrUnauthenticated) {
		t.Errorf("Do = %v", err)
	}
}

func TestBareTokenIsRenewed(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	s := h.mustOpen(session.Token(session.FromString(h.token(api.TokenCreateRequest{TTL: "3s"}))))
	for start := time.Now(); time.Since(start) < 5*time.Second; time.Sleep(50 * time.Millisecond) {
		h.mustDo(s)
	}
}

func TestBareTokenWarnsBeforeItsEnd(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	no := false
	h.mustOpen(session.Token(session.FromString(h.token(api.TokenCreateRequest{TTL: "3s", Renewable: &no}))))
	h.eventually(10*time.Second, "a warning ahead of the end", func() bool {
		return strings.Contains(h.logs.String(), "replace it before it ends")
	})
	h.eventually(10*time.Second, "a warning at the end", func() bool {
		return strings.Contains(h.logs.String(), "has ended")
	})
}

func TestRotatedTokenFileIsPickedUpAheadOfTheEnd(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	no := false
	path := h.file(h.token(api.TokenCreateRequest{TTL: "3s", Renewable: &no}))
	s := h.mustOpen(session.Token(session.FromFile(path)))
	next := h.token(api.TokenCreateRequest{TTL: "1h"})
	h.write(path, next)
	h.eventually(10*time.Second, "the new token in use", func() bool { return s.Client().Token() == next })
	h.mustDo(s)
}

// TestTokenInQuotes: the quotes of an environment file are no part of it.
func TestTokenInQuotes(t *testing.T) {
	h := newHarness(t)
	for _, quote := range []string{`"`, `'`} {
		token := h.secret("fake-token-in-quotes")
		err := h.refused(session.Token(session.FromString(quote+token+quote)), vaulterr.ErrInvalid)
		if !strings.Contains(err.Error(), "is in quotes: remove them") {
			t.Errorf("Open with a token in %s = %v, want the quotes named", quote, err)
		}
	}
}
