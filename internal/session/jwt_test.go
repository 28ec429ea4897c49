package session_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/short"
	"goblin/vaultkit/internal/vaulterr"
	"goblin/vaultkit/internal/vaulttest"
)

// jwtMount is a mount of Vault's JWT auth method, and the issuer that it trusts.
type jwtMount struct {
	*harness
	issuer *vaulttest.Issuer
	mount  string
}

type claims = map[string]any

// newJWTMount mounts the auth method with a key of the issuer and the role "app".
func newJWTMount(t *testing.T) *jwtMount {
	t.Helper()
	return newJWTMountOf(t, (*vaulttest.Issuer).StaticConfig)
}

func newJWTMountOf(t *testing.T, config func(*vaulttest.Issuer) map[string]any) *jwtMount {
	t.Helper()
	h := newHarness(t)
	m := &jwtMount{harness: h, issuer: vaulttest.NewIssuer(), mount: "jwt-" + h.mount}
	t.Cleanup(m.issuer.Close)
	t.Cleanup(func() { // before the harness searches for secrets
		for _, secret := range m.issuer.Secrets() {
			h.secret(secret)
			h.secret(secret[strings.LastIndex(secret, ".")+1:]) // the signature alone, too
		}
	})
	h.put("sys/auth/"+m.mount, map[string]any{"type": "jwt"})
	h.put("auth/"+m.mount+"/config", config(m.issuer))
	m.role(nil)
	return m
}

// role creates the role "app". It accepts the jobs of one repository.
func (m *jwtMount) role(settings map[string]any) {
	m.Helper()
	all := map[string]any{
		"role_type": "jwt", "user_claim": "sub", "bound_audiences": "vault", "bound_claims": map[string]any{"repository_id": "1001"},
		"token_policies": "session-probe", "token_ttl": "1h",
	}
	maps.Copy(all, settings)
	m.put("auth/"+m.mount+"/role/app", all)
}

// jwt returns a JWT that the role "app" accepts but for the changes.
func (m *jwtMount) jwt(changes claims) string {
	all := claims{"aud": "vault", "repository_id": "1001"}
	maps.Copy(all, changes)
	return m.issuer.Sign(all)
}

// login returns a login with the role "app" and a JWT that it accepts.
func (m *jwtMount) login() session.Method {
	return session.JWT(m.mount, "app", session.FromString(m.jwt(nil)))
}

func (m *jwtMount) logins() int { m.Helper(); return m.requests("auth/" + m.mount + "/login") }

func (m *jwtMount) expectLogins(want int) {
	m.Helper()
	if n := m.logins(); n != want {
		m.Errorf("%d logins, want %d", n, want)
	}
}

// configs are the ways in which Vault gets an issuer's keys.
var configs = map[string]func(*vaulttest.Issuer) map[string]any{
	"JWKS": (*vaulttest.Issuer).JWKSConfig, "OIDC discovery": (*vaulttest.Issuer).DiscoveryConfig,
}

func TestJWT_LogsIn(t *testing.T) {
	all := maps.Clone(configs)
	all["static keys"] = (*vaulttest.Issuer).StaticConfig
	for name, config := range all {
		t.Run(name, func(t *testing.T) {
			if name != "static keys" {
				short.RealOnly(t, "a Vault that asks the issuer for its keys")
			}
			m := newJWTMountOf(t, config)
			s := m.mustOpen(m.login())
			m.mustDo(s)
			token := s.Client().Token()
			if err := s.Close(); err != nil || m.lookup(token) != nil {
				t.Errorf("Close = %v, token valid %t, want no error and the token revoked", err, m.lookup(token) != nil)
			}
		})
	}
}

func TestJWT_KeyRotated(t *testing.T) {
	short.RealOnly(t, "a Vault that asks the issuer for its keys")
	for name, config := range configs {
		t.Run(name, func(t *testing.T) {
			m := newJWTMountOf(t, config)
			old := m.jwt(nil)
			path := m.file(old)
			s := m.mustOpen(session.JWT(m.mount, "app", session.FromFile(path)))
			m.issuer.RotateKey()
			m.write(path, m.jwt(nil))
			m.revoke(s)
			m.mustDo(s)
			m.expectLogins(2)
			err := m.refused(session.JWT(m.mount, "app", session.FromString(old)), vaulterr.ErrUnauthenticated)
			m.says(err, "failed to verify", "another issuer signed the JWT, or the issuer no longer uses that key")
		})
	}
}

func TestJWT_StaticKeyReplaced(t *testing.T) {
	m := newJWTMount(t)
	m.issuer.RotateKey()
	err := m.refused(m.login(), vaulterr.ErrUnauthenticated)
	m.says(err, "no known key", "the auth mount does not hold the issuer's present key")
	m.put("auth/"+m.mount+"/config", m.issuer.StaticConfig())
	m.mustDo(m.mustOpen(m.login()))
}

func TestJWT_UnreachableIssuer(t *testing.T) {
	short.RealOnly(t, "a Vault that asks the issuer for its keys")
	for name, hint := range map[string]string{
		"JWKS": "check that it can reach the issuer", "OIDC discovery": "Vault cannot reach the issuer of the JWT",
	} {
		t.Run(name, func(t *testing.T) {
			m := newJWTMountOf(t, configs[name])
			m.put("auth/"+m.mount+"/config", configs[name](m.issuer)) // forgets the keys
			by := m.login()
			m.issuer.Close()
			m.says(m.refused(by, vaulterr.ErrUnauthenticated), "connection refused", hint)
		})
	}
}

// says fails the test unless the error's text contains each of the texts.
func (m *jwtMount) says(err error, texts ...string) {
	m.Helper()
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			m.Errorf("the error is %v, want %q in it", err, text)
		}
	}
}

func TestJWT_Refused(t *testing.T) {
	m := newJWTMount(t)
	now := time.Now()
	in, ago := now.Add(time.Hour).Unix(), now.Add(-time.Hour).Unix()
	good := m.jwt(nil)
	m.put("auth/"+m.mount+"/role/no-audience", map[string]any{"role_type": "jwt", "user_claim": "sub", "bound_subject": "a job"})
	m.put("auth/"+m.mount+"/role/subject", map[string]any{"role_type": "jwt", "user_claim": "sub", "bound_subject": "other", "bound_audiences": "vault"})
	for name, tc := range map[string]struct {
		mount, role, jwt string
		says             []string
	}{
		"wrong audience":      {jwt: m.jwt(claims{"aud": "other"}), says: []string{"invalid audience", "set VAULTKIT_JWT_AUDIENCE, or aud in the id_tokens of GitLab's job, to one of the role's bound_audiences"}},
		"no audience":         {jwt: m.jwt(claims{"aud": nil}), says: []string{"invalid audience", "set VAULTKIT_JWT_AUDIENCE, or aud in the id_tokens of GitLab's job, to one of the role's bound_audiences"}},
		"unbound audience":    {role: "no-audience", jwt: good, says: []string{"no audiences bound", "set the role's bound_audiences"}},
		"wrong claim":         {jwt: m.jwt(claims{"repository_id": "2002"}), says: []string{`claim "repository_id" does not match`, "compare the role's bound_claims"}},
		"no claim":            {jwt: m.jwt(claims{"repository_id": nil}), says: []string{`claim "repository_id" is missing`, "compare the role's bound_claims"}},
		"wrong subject":       {role: "subject", jwt: good, says: []string{"invalid subject", "compare the role's bound_subject"}},
		"no user claim":       {jwt: m.jwt(claims{"sub": nil}), says: []string{`claim "sub" not found`, "lacks the claim that the role's user_claim names"}},
		"expired":             {jwt: m.jwt(claims{"exp": ago}), says: []string{"token is expired", "the JWT from a literal value has expired"}},
		"expired without exp": {jwt: m.jwt(claims{"exp": nil, "iat": ago, "nbf": ago}), says: []string{"token is expired", "the JWT lacks the claim exp"}},
		"no start":            {jwt: m.jwt(claims{"iat": nil, "nbf": nil, "exp": in}), says: []string{"not yet valid", "the JWT lacks the claims iat and nbf"}},
		"not yet valid":       {jwt: m.jwt(claims{"nbf": in}), says: []string{"not yet valid", "compare the clocks of Vault and of the JWT's issuer"}},
		"issued in future":    {jwt: m.jwt(claims{"nbf": ago, "iat": in}), says: []string{"issued in the future", "compare the clocks of Vault and of the JWT's issuer"}},
		"without any time":    {jwt: m.jwt(claims{"exp": nil, "iat": nil, "nbf": nil}), says: []string{"no issued at (iat)", "the JWT lacks the claims iat, nbf and exp"}},
		"other issuer":        {jwt: m.jwt(claims{"iss": "https://other.invalid"}), says: []string{"invalid issuer", "than the auth mount's bound_issuer"}},
		"other key":           {jwt: vaulttest.NewSigner("ES256").Sign(claims{"iss": m.issuer.URL}), says: []string{"no known key", "another issuer signed the JWT"}},
		"missing role":        {role: "fake-role", jwt: good, says: []string{`role "fake-role" could not be found`, "check the names of the role and of the auth mount"}},
		"no default role":     {role: "none", jwt: good, says: []string{"missing role", "the auth mount has no default_role"}},
		"missing mount":       {mount: "fake-mount", jwt: good, says: []string{"permission denied", "check the auth mount's name"}},
		"not a JWT":           {jwt: "fake-secret-that-is-no-jwt", says: []string{"must have three parts", "the credential is not a JWT"}},
		"malformed":           {jwt: "fakefake.fakefake.fakefake", says: []string{"error verifying token signature", "check where"}},
	} {
		t.Run(name, func(t *testing.T) {
			role := cmp.Or(tc.role, "app")
			if role == "none" {
				role = ""
			}
			m.secret(tc.jwt)
			err := m.refused(session.JWT(cmp.Or(tc.mount, m.mount), role, session.FromString(tc.jwt)), vaulterr.ErrUnauthenticated)
			m.says(err, append(tc.says, "at auth/"+cmp.Or(tc.mount, m.mount)+"/login")...)
		})
	}
}

func TestJWT_WrongSetup(t *testing.T) {
	m := newJWTMount(t)
	bare := m.mount + "-bare"
	m.put("sys/auth/"+bare, map[string]any{"type": "jwt"})
	m.says(m.refused(session.JWT(bare, "app", session.FromString(m.jwt(nil))), vaulterr.ErrUnauthenticated),
		"could not load configuration", "the auth mount has no configuration")
}

func TestJWT_RoleForPeople(t *testing.T) {
	short.RealOnly(t, "roles of the type oidc")
	m := newJWTMountOf(t, configs["OIDC discovery"])
	m.put("auth/"+m.mount+"/role/oidc", map[string]any{"role_type": "oidc", "user_claim": "sub", "allowed_redirect_uris": "http://localhost:8250/oidc/callback"})
	m.says(m.refused(session.JWT(m.mount, "oidc", session.FromString(m.jwt(nil))), vaulterr.ErrUnauthenticated),
		"oidc role_type is not allowed", "create one with role_type=jwt")
}

// Vault accepts a JWT without an end for a while after its beginning.
func TestJWT_WithoutExpiry(t *testing.T) {
	m := newJWTMount(t)
	m.mustDo(m.mustOpen(session.JWT(m.mount, "app", session.FromString(m.jwt(claims{"exp": nil})))))
}

func TestJWT_DefaultRole(t *testing.T) {
	m := newJWTMount(t)
	config := m.issuer.StaticConfig()
	config["default_role"] = "app"
	m.put("auth/"+m.mount+"/config", config)
	by := session.JWT("/"+m.mount+"/", "", session.FromString(m.jwt(nil)))
	m.mustDo(m.mustOpen(by))
	if want := "jwt at auth/" + m.mount + ", the default role, JWT from a literal value"; by.String() != want {
		t.Errorf("String = %q, want %q", by, want)
	}
}

func TestJWT_DefaultMount(t *testing.T) {
	for mount, want := range map[string]string{"": "auth/jwt,", "/": "auth/jwt,", "ci/github/": "auth/ci/github,"} {
		if by := session.JWT(mount, "app", session.FromString("fake")); !strings.Contains(by.String(), want) {
			t.Errorf("JWT(%q) = %s, want %s in it", mount, by, want)
		}
	}
}

func TestJWT_UnusableSettings(t *testing.T) {
	t.Setenv("FAKE_EMPTY_JWT", "")
	h := newHarness(t)
	missing, canary := filepath.Join(t.TempDir(), "missing"), h.secret("canary.canary.canary")
	none := func(string) string { return "" }
	for name, tc := range map[string]struct {
		by   session.Method
		says string
	}{
		"no JWT":             {session.JWT("", "app", session.Credential{}), "no JWT given"},
		"wrapped":            {session.JWT("", "app", session.Wrapped(session.FromString(canary))), "cannot be wrapped"},
		"mount":              {session.JWT("../sys", "app", session.FromString(canary)), "not a valid name of an auth mount"},
		"empty":              {session.JWT("", "app", session.FromString("")), "a literal value is empty"},
		"no variable":        {session.JWT("", "app", session.FromLookup("FAKE_JWT", none)), "environment FAKE_JWT is not set"},
		"empty variable":     {session.JWT("", "app", session.FromEnv("FAKE_EMPTY_JWT")), "environment FAKE_EMPTY_JWT is empty"},
		"empty file":         {session.JWT("", "app", session.FromFile(h.file("\n"))), "is empty"},
		"missing file":       {session.JWT("", "app", session.FromFile(missing)), missing},
		"in quotes":          {session.JWT("", "app", session.FromString(`"`+canary+`"`)), "is in quotes"},
		"in single quotes":   {session.JWT("", "app", session.FromString("'"+canary+"'")), "is in quotes"},
		"control characters": {session.JWT("", "app", session.FromString(canary+"\x00"+canary)), "control"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := h.refused(tc.by, vaulterr.ErrInvalid); !strings.Contains(err.Error(), tc.says) {
				t.Errorf("Open = %v, want %q in it", err, tc.says)
			}
		})
	}
}

// sub returns the claim sub of the JWT that the session's last login used.
func (m *jwtMount) sub(s *session.Session) string {
	m.Helper()
	name, _ := m.lookup(s.Client().Token()).Data["display_name"].(string)
	return strings.TrimPrefix(name, m.mount+"-")
}

func TestJWT_ReadsTheJWTAtEachLogin(t *testing.T) {
	m := newJWTMount(t)
	path := m.file(m.jwt(claims{"sub": "first"}) + "\n")
	s := m.mustOpen(session.JWT(m.mount, "app", session.FromFile(path)))
	m.mustDo(s)
	if sub := m.sub(s); sub != "first" {
		t.Errorf("the first login is of %q, want first", sub)
	}
	m.write(path, m.jwt(claims{"sub": "second"}))
	m.revoke(s)
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			if err := m.do(s); err != nil {
				t.Errorf("Do = %v, want no error", err)
			}
		})
	}
	all.Wait()
	if sub := m.sub(s); sub != "second" {
		t.Errorf("the second login is of %q, want second", sub)
	}
	m.expectLogins(2) // shared by all callers
}

func TestJWT_ExpiredAtALaterLogin(t *testing.T) {
	m := newJWTMount(t)
	value := m.jwt(nil)
	path := m.file(value)
	lookup := func(string) string { return value }
	for name, tc := range map[string]struct {
		token session.Credential
		says  string
	}{
		"file":     {session.FromFile(path), "the JWT from file " + path + " has expired: put another one into the file"},
		"variable": {session.FromLookup("FAKE_JWT", lookup), "the JWT from environment FAKE_JWT has expired, and each login uses it again: start the program again"},
	} {
		t.Run(name, func(t *testing.T) {
			value = m.jwt(nil)
			m.write(path, value)
			s := m.mustOpen(session.JWT(m.mount, "app", tc.token))
			value = m.jwt(claims{"exp": time.Now().Add(-time.Hour).Unix()})
			m.write(path, value)
			m.revoke(s)
			before := m.logins()
			for range 20 {
				err := m.do(s)
				if !errors.Is(vaulterr.Kind(err), vaulterr.ErrUnauthenticated) {
					t.Fatalf("Do = %v, want ErrUnauthenticated", err)
				}
				m.says(err, tc.says)
			}
			m.expectLogins(before + 1)
		})
	}
}

// observed counts the events of a session.
type observed struct {
	sync.Mutex
	count map[event.Kind]int
}

func (o *observed) observe(e event.Event) {
	o.Lock()
	defer o.Unlock()
	o.count[e.Kind]++
}

func (o *observed) of(kind event.Kind) int {
	o.Lock()
	defer o.Unlock()
	return o.count[kind]
}

// openObserved opens a session whose events are counted.
func (m *jwtMount) openObserved(by session.Method) (*session.Session, *observed) {
	m.Helper()
	o := &observed{count: map[event.Kind]int{}}
	s, err := session.Open(m.Context(), session.Config{Client: m.client(), Login: by, Logger: m.logs.Logger(), Observe: o.observe})
	if err != nil {
		m.Fatal(err)
	}
	m.secret(s.Client().Token())
	m.Cleanup(func() { _ = s.Close() })
	return s, o
}

func TestJWT_RenewsThenReplacesAtTheMaximumTTL(t *testing.T) {
	t.Parallel()
	m := newJWTMount(t)
	m.role(map[string]any{"token_ttl": "4s", "token_max_ttl": "8s"})
	s, events := m.openObserved(m.login())
	first := s.Client().Token()
	m.eventually(20*time.Second, "another login", func() bool { m.mustDo(s); return events.of(event.Relogin) > 0 })
	if n := events.of(event.Renewal); n < 2 {
		t.Errorf("%d renewals before the second login, want at least 2", n)
	}
	if s.Client().Token() == first {
		t.Error("the token is the same after its maximum TTL, want another one")
	}
	m.expectLogins(2)
	if said := m.logs.String(); strings.Contains(said, "WARN") {
		t.Errorf("the log is %s, want no warning", said)
	}
}

// An idle session logs in again, too, as soon as the file has a valid JWT.
func TestJWT_RecoversWithoutRequests(t *testing.T) {
	t.Parallel()
	m := newJWTMount(t)
	m.role(map[string]any{"token_type": "batch", "token_ttl": "2s"})
	path := m.file(m.jwt(nil))
	s, events := m.openObserved(session.JWT(m.mount, "app", session.FromFile(path)))
	m.write(path, m.jwt(claims{"aud": "other"}))
	m.eventually(20*time.Second, "two failed logins", func() bool { return events.of(event.Relogin) > 1 })
	m.says(m.err(s.State().LoginError), "invalid audience")
	m.write(path, m.jwt(nil))
	m.eventually(20*time.Second, "a login", func() bool { return s.State().LoginError == nil })
	m.mustDo(s)
}

func TestJWT_BatchTokens(t *testing.T) {
	t.Parallel()
	m := newJWTMount(t)
	m.role(map[string]any{"token_type": "batch", "token_ttl": "3s"})
	s, events := m.openObserved(m.login())
	m.eventually(20*time.Second, "two more logins", func() bool { m.mustDo(s); return events.of(event.Relogin) > 1 })
	token := s.Client().Token()
	if err := s.Close(); err != nil || m.lookup(token) == nil {
		t.Errorf("Close = %v, token valid %t, want no error and a valid token", err, m.lookup(token) != nil)
	}
	if n := events.of(event.Renewal); n > 0 {
		t.Errorf("%d renewals, want none", n)
	}
	if said := m.logs.String(); strings.Contains(said, "WARN") || strings.Contains(said, "revoke") {
		t.Errorf("the log is %s, want no warning and no revocation", said)
	}
}

func TestJWT_TokensWithFewUses(t *testing.T) {
	for uses, logins := range map[int]int{1: 20, 3: 7} {
		m := newJWTMount(t)
		m.role(map[string]any{"token_num_uses": uses})
		s := m.mustOpen(m.login())
		for range 20 {
			m.mustDo(s)
		}
		if n := m.logins(); n < logins || n > logins+1 {
			t.Errorf("%d logins for 20 requests with tokens of %d uses, want %d or %d", n, uses, logins, logins+1)
		}
	}
}

func TestJWT_LogNamesTheOriginOfTheJWT(t *testing.T) {
	m := newJWTMount(t)
	path := m.file(m.jwt(nil))
	m.mustOpen(session.JWT(m.mount, "app", session.FromFile(path)))
	want := fmt.Sprintf("jwt at auth/%s, role app, JWT from file %s", m.mount, path)
	if lines := slices.Collect(strings.Lines(m.logs.String())); len(lines) != 1 || !strings.Contains(lines[0], want) {
		t.Errorf("the log is %q, want one line with %q", lines, want)
	}
}
