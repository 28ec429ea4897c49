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

func TestToken_FromEachSource(t *testing.T) {
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
				t.Error("HasCLIToken = false, want true")
			}
			s := h.mustOpen(session.Token(source))
			h.mustDo(s)
			if err := s.Close(); err != nil {
				t.Errorf("Close = %v, want nil", err)
			}
			if h.lookup(token) == nil {
				t.Error("the token is invalid after Close, want it left alone")
			}
		})
	}
}

func TestToken_UnusableSource(t *testing.T) {
	h := newHarness(t)
	t.Setenv("HOME", t.TempDir())
	t.Setenv("USERPROFILE", t.TempDir())
	if session.HasCLIToken() {
		t.Error("HasCLIToken in an empty home = true, want false")
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
				t.Errorf("Open = %q, want it to name %q", err, test.names)
			}
		})
	}
}

func TestToken_Unknown(t *testing.T) {
	h := newHarness(t)
	h.refused(session.Token(session.FromString(h.secret("hvs.fake-unknown-token"))), vaulterr.ErrUnauthenticated)
}

func TestToken_WithoutTheRightToLookItselfUp(t *testing.T) {
	h := newHarness(t)
	token := h.token(api.TokenCreateRequest{TTL: "1h", NoDefaultPolicy: true})
	h.mustDo(h.mustOpen(session.Token(session.FromString(token))))
}

func TestToken_Root(t *testing.T) {
	h := newHarness(t)
	s := h.mustOpen(session.Token(session.FromString(h.secret(h.server.RootToken()))))
	h.mustDo(s)
}

func TestToken_FileIsReadAgain(t *testing.T) {
	h := newHarness(t)
	path := h.file(h.token(api.TokenCreateRequest{TTL: "1h"}))
	s := h.mustOpen(session.Token(session.FromFile(path)))
	h.mustDo(s)
	h.revoke(s)
	next := h.token(api.TokenCreateRequest{TTL: "1h"})
	h.write(path, next+"\n")
	h.mustDo(s)
	if s.Client().Token() != next {
		t.Error("Client().Token() differs from the file's new token, want the same")
	}
	h.revoke(s)
	if err := h.do(s); !errors.Is(err, vaulterr.ErrUnauthenticated) || !strings.Contains(err.Error(), path) {
		t.Errorf("Do with an unchanged file = %v, want ErrUnauthenticated that names the file", err)
	}
}

func TestToken_LiteralCannotBeReplaced(t *testing.T) {
	h := newHarness(t)
	s := h.mustOpen(session.Token(session.FromString(h.token(api.TokenCreateRequest{TTL: "1h"}))))
	h.revoke(s)
	if err := h.do(s); !errors.Is(err, vaulterr.ErrUnauthenticated) {
		t.Errorf("Do = %v, want ErrUnauthenticated", err)
	}
}

func TestToken_IsRenewed(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	s := h.mustOpen(session.Token(session.FromString(h.token(api.TokenCreateRequest{TTL: "3s"}))))
	for start := time.Now(); time.Since(start) < 5*time.Second; time.Sleep(50 * time.Millisecond) {
		h.mustDo(s)
	}
}

func TestToken_WarnsBeforeItEnds(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	no := false
	h.mustOpen(session.Token(session.FromString(h.token(api.TokenCreateRequest{TTL: "3s", Renewable: &no}))))
	h.eventually(10*time.Second, "a warning before the token expires", func() bool {
		return strings.Contains(h.logs.String(), "replace it before it ends")
	})
	h.eventually(10*time.Second, "a warning when the token has expired", func() bool {
		return strings.Contains(h.logs.String(), "has ended")
	})
}

func TestToken_ReadsANewFileBeforeItEnds(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	no := false
	path := h.file(h.token(api.TokenCreateRequest{TTL: "3s", Renewable: &no}))
	s := h.mustOpen(session.Token(session.FromFile(path)))
	next := h.token(api.TokenCreateRequest{TTL: "1h"})
	h.write(path, next)
	h.eventually(10*time.Second, "the client has the new token", func() bool { return s.Client().Token() == next })
	h.mustDo(s)
}

// TestToken_RefusesQuotes checks that quotes from an environment file are refused, because
// they are no part of the token.
func TestToken_RefusesQuotes(t *testing.T) {
	h := newHarness(t)
	for _, quote := range []string{`"`, `'`} {
		token := h.secret("fake-token-in-quotes")
		err := h.refused(session.Token(session.FromString(quote+token+quote)), vaulterr.ErrInvalid)
		if !strings.Contains(err.Error(), "is in quotes: remove them") {
			t.Errorf("Open with a token in %s = %v, want an error that names the quotes", quote, err)
		}
	}
}
