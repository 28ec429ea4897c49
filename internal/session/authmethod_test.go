package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

// methodFunc is an auth method for the official client.
type methodFunc func(ctx context.Context, c *api.Client) (*api.Secret, error)

func (f methodFunc) Login(ctx context.Context, c *api.Client) (*api.Secret, error) { return f(ctx, c) }

// madeMethod is the login of a program. It counts how often the method is made.
type madeMethod struct {
	session.Method
	made atomic.Int32
}

func newMade(newMethod func() (api.AuthMethod, error)) *madeMethod {
	m := &madeMethod{}
	m.Method = session.AuthMethod("test method", func(context.Context) (api.AuthMethod, error) {
		m.made.Add(1)
		return newMethod()
	})
	return m
}

func made(f methodFunc) *madeMethod {
	return newMade(func() (api.AuthMethod, error) { return f, nil })
}

// roleMethod returns an auth method that logs in with an AppRole of the settings.
func (h *harness) roleMethod(settings map[string]any) methodFunc {
	h.Helper()
	login := map[string]any{"role_id": h.role(settings), "secret_id": h.secretID()}
	return func(ctx context.Context, c *api.Client) (*api.Secret, error) {
		return c.Logical().WriteWithContext(ctx, "auth/"+h.mount+"/login", login)
	}
}

// openSoon opens a session that gives up soon.
func (h *harness) openSoon(by session.Method) (*session.Session, error) {
	h.Helper()
	s, err := session.Open(h.Context(), session.Config{
		Client: h.client(), Login: by, Logger: h.logs.Logger(), RequestTimeout: time.Second, StartWait: 300 * time.Millisecond,
	})
	if err == nil {
		h.Cleanup(func() { _ = s.Close() })
	}
	return s, h.err(err)
}

// proxied puts a proxy in front of the server.
func (h *harness) proxied() *faultproxy.Proxy {
	h.Helper()
	proxy, err := faultproxy.New(h.server.Addr())
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = proxy.Close() })
	h.address = proxy.URL()
	return proxy
}

// quotingError is an error whose fields hold a secret.
type quotingError struct{ Password string }

func (e *quotingError) Error() string { return "login with " + e.Password + " failed" }

// TestAuthMethod_HidesTheErrorOfTheMethod checks that an error that is not Vault's is a failed
// login, named by its type. Nothing shows its text.
func TestAuthMethod_HidesTheErrorOfTheMethod(t *testing.T) {
	h := newHarness(t)
	planted := h.secret("planted-" + t.Name())
	quoting := &quotingError{planted}
	for name, cause := range map[string]error{
		"*errors.errorString":         errors.New(planted),
		"*session_test.quotingError":  fmt.Errorf("outer %s: %w", planted, fmt.Errorf("inner: %w", quoting)),
		"*errors.joinError":           errors.Join(errors.New("first"), quoting),
		"*url.Error":                  &url.Error{Op: "Get", URL: "https://sts.invalid/?key=" + planted, Err: quoting},
		"*api.ResponseError":          &api.ResponseError{StatusCode: http.StatusServiceUnavailable, Errors: []string{planted}},
		"*vaulterr.Error":             &vaulterr.Error{Kind: vaulterr.ErrUnavailable, Detail: planted},
		"*fmt.wrapErrors":             fmt.Errorf("%w and %w", quoting, vaulterr.ErrUnavailable),
		"the auth method did not end": fmt.Errorf("%s: %w", planted, context.DeadlineExceeded),
		"*errors.errorString ":        fmt.Errorf("%s: %w", planted, context.Canceled),
	} {
		for where, by := range map[string]*madeMethod{
			"made":  newMade(func() (api.AuthMethod, error) { return nil, cause }),
			"login": made(func(context.Context, *api.Client) (*api.Secret, error) { return nil, cause }),
			"response": made(func(ctx context.Context, c *api.Client) (*api.Secret, error) {
				_, _ = c.Sys().HealthWithContext(ctx)
				return nil, cause
			}),
		} {
			_, err := h.openSoon(by)
			if !errors.Is(err, vaulterr.ErrUnauthenticated) || errors.Is(err, vaulterr.ErrUnavailable) || errors.Is(err, cause) {
				t.Errorf("Open(%s, %s) = %v, want ErrUnauthenticated alone", name, where, err)
			}
			if err != nil && !strings.Contains(err.Error(), strings.TrimSpace(name)) {
				t.Errorf("Open(%s, %s) = %v, want the type of the error", name, where, err)
			}
			if n := by.made.Load(); n != 1 {
				t.Errorf("Open(%s, %s) made %d auth methods, want 1", name, where, n)
			}
			if text, err := json.Marshal(err); err != nil || strings.Contains(string(text), planted) {
				t.Errorf("JSON of the error (%s, %s) = %d bytes, %v, want no secret", name, where, len(text), err)
			}
		}
	}
}

func TestAuthMethod_Invalid(t *testing.T) {
	h := newHarness(t)
	var nilPointer *madePointer
	for name, by := range map[string]session.Method{
		"no function":       session.AuthMethod("test method", nil),
		"no name":           session.AuthMethod(" ", noMethod),
		"a name of control": session.AuthMethod("a\nb", noMethod),
		"nil":               newMade(func() (api.AuthMethod, error) { return nil, nil }),
		"a nil pointer":     newMade(func() (api.AuthMethod, error) { return nilPointer, nil }),
	} {
		if _, err := h.openSoon(by); !errors.Is(err, vaulterr.ErrInvalid) {
			t.Errorf("Open(%s) = %v, want ErrInvalid", name, err)
		}
	}
}

// madePointer is an auth method whose Login needs its receiver.
type madePointer struct{ login methodFunc }

func (m *madePointer) Login(ctx context.Context, c *api.Client) (*api.Secret, error) {
	return m.login(ctx, c)
}

func noMethod(context.Context) (api.AuthMethod, error) { return nil, nil }

// TestAuthMethod_KeepsVaultsResponse checks that the error is the same whether the method wraps
// Vault's response or only formats it.
func TestAuthMethod_KeepsVaultsResponse(t *testing.T) {
	h := newHarness(t)
	proxy := h.proxied()
	login := h.roleMethod(nil)
	wrapped := func(format string) methodFunc {
		return func(ctx context.Context, c *api.Client) (*api.Secret, error) {
			response, err := login(ctx, c)
			if err != nil {
				err = fmt.Errorf("unable to log in: "+format, err)
			}
			return response, err
		}
	}
	for _, tc := range []struct {
		status int
		text   string
		kind   error
	}{
		{http.StatusBadRequest, "invalid role or secret ID", vaulterr.ErrUnauthenticated},
		{http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n", vaulterr.ErrUnauthenticated},
		{http.StatusNotFound, "no handler for route", vaulterr.ErrMountNotFound},
		{http.StatusNotFound, "unknown user", vaulterr.ErrUnauthenticated},
		{http.StatusTooManyRequests, "quota", vaulterr.ErrUnavailable},
		{http.StatusInternalServerError, "internal error", vaulterr.ErrUnavailable},
		{http.StatusServiceUnavailable, "no leader", vaulterr.ErrUnavailable},
		{http.StatusServiceUnavailable, "Vault is sealed", vaulterr.ErrSealed},
	} {
		body, _ := json.Marshal(map[string]any{"errors": []string{tc.text}})
		proxy.SetRule(faultproxy.OnEvery("", h.mount+"/login", faultproxy.Error(tc.status, string(body), false)))
		var texts []string
		for _, format := range []string{"%w", "%v"} {
			_, err := h.openSoon(made(wrapped(format)))
			if !errors.Is(err, tc.kind) {
				t.Errorf("Open with a %d %q formatted with %s = %v, want %v", tc.status, tc.text, format, err, tc.kind)
			}
			if response, ok := errors.AsType[*api.ResponseError](err); !ok || response.StatusCode != tc.status {
				t.Errorf("Open with a %d formatted with %s = %v, want an *api.ResponseError in it", tc.status, format, err)
			}
			texts = append(texts, err.Error())
		}
		if texts[0] != texts[1] || !strings.Contains(texts[0], "auth/"+h.mount+"/login") {
			t.Errorf("Open with a %d = %q and %q, want the same, with the path", tc.status, texts[0], texts[1])
		}
	}
	proxy.SetRule(nil)
	h.mustDo(h.mustOpen(made(wrapped("%w"))))
}

// TestAuthMethod_RetriesAnOutageOfVault checks that Open retries if Vault's response does not
// arrive, however the method describes that.
func TestAuthMethod_RetriesAnOutageOfVault(t *testing.T) {
	h := newHarness(t)
	proxy := h.proxied()
	login := h.roleMethod(nil)
	for name, action := range map[string]faultproxy.Action{
		"refused": faultproxy.Refuse(), "lost": faultproxy.Lose(), "truncated": faultproxy.Truncate(),
		"no JSON": faultproxy.Rewrite(func(int, []byte) []byte { return []byte("<html>") }),
		"hanging": faultproxy.Hang(),
	} {
		for _, format := range []string{"%w", "%v"} {
			by := made(func(ctx context.Context, c *api.Client) (*api.Secret, error) {
				response, err := login(ctx, c)
				if err != nil {
					err = fmt.Errorf("unable to log in: "+format, err)
				}
				return response, err
			})
			proxy.SetRule(faultproxy.OnMatch("", h.mount+"/login", action))
			s, err := session.Open(t.Context(), session.Config{
				Client: h.client(), Login: by, Logger: h.logs.Logger(), RequestTimeout: 500 * time.Millisecond,
			})
			if err != nil || by.made.Load() != 2 {
				t.Fatalf("Open with one response %s (%s) = %v after %d logins, want no error after 2", name, format, err, by.made.Load())
			}
			_ = s.Close()
			proxy.SetRule(faultproxy.OnEvery("", h.mount+"/login", action))
			if _, err := h.openSoon(by); !errors.Is(err, vaulterr.ErrUnavailable) {
				t.Errorf("Open with each response %s (%s) = %v, want ErrUnavailable", name, format, err)
			}
		}
	}
}

// TestAuthMethod_AnotherServiceIsDown checks that a method's request to another service says
// nothing about Vault.
func TestAuthMethod_AnotherServiceIsDown(t *testing.T) {
	h := newHarness(t)
	nobody := httptest.NewServer(nil)
	nobody.Close()
	var down atomic.Bool
	login := h.roleMethod(nil)
	by := made(func(ctx context.Context, c *api.Client) (*api.Secret, error) {
		if down.Load() {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, nobody.URL, nil)
			if err != nil {
				return nil, err
			}
			if _, err = http.DefaultClient.Do(request); err != nil { //nolint:bodyclose // there is no response
				return nil, fmt.Errorf("no identity: %w", err)
			}
		}
		return login(ctx, c)
	})
	s := h.mustOpen(by)
	h.revoke(s)
	down.Store(true)
	if err := h.do(s); !errors.Is(err, vaulterr.ErrUnauthenticated) || errors.Is(err, vaulterr.ErrUnavailable) {
		t.Errorf("Do while another service is down = %v, want ErrUnauthenticated", err)
	}
	if state := s.State(); !state.Down.IsZero() || !errors.Is(state.LoginError, vaulterr.ErrUnauthenticated) {
		t.Errorf("State = %+v, want no outage and the failed login", state)
	}
	if n := by.made.Load(); n != 2 {
		t.Errorf("%d auth methods made, want 2", n)
	}
	before := by.made.Load()
	if _, err := h.openSoon(by); !errors.Is(err, vaulterr.ErrUnauthenticated) || by.made.Load() != before+1 {
		t.Errorf("Open = %v after %d logins, want ErrUnauthenticated after 1", err, by.made.Load()-before)
	}
}

// TestAuthMethod_EndsWithTheContext checks that Open and Close do not wait for a method that
// ignores its context, and that no two logins run at the same time.
func TestAuthMethod_EndsWithTheContext(t *testing.T) {
	h := newHarness(t)
	login := h.roleMethod(nil)
	var running, most atomic.Int32
	stop := make(chan struct{})
	var blocks atomic.Bool
	by := made(func(ctx context.Context, c *api.Client) (*api.Secret, error) {
		most.Store(max(most.Load(), running.Add(1)))
		defer running.Add(-1)
		if blocks.Load() {
			<-stop
		}
		return login(context.Background(), c)
	})
	s := h.mustOpen(by)
	h.revoke(s)
	blocks.Store(true)
	go func() { _ = h.do(s) }()
	h.eventually(time.Second, "a login runs", func() bool { return running.Load() == 1 })
	start := time.Now()
	if _ = s.Close(); time.Since(start) > 3*time.Second {
		t.Errorf("Close during a login took %v, want at most 3s", time.Since(start))
	}
	if _, err := h.openSoon(by); !errors.Is(err, vaulterr.ErrUnauthenticated) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Open while a login of before runs = %v, want ErrUnauthenticated and DeadlineExceeded", err)
	}
	before := h.logins()
	close(stop)
	h.eventually(time.Second, "the login of before ends", func() bool { return running.Load() == 0 })
	if n := h.logins(); n != before {
		t.Errorf("%d logins at Vault after their contexts ended, want 0", n-before)
	}
	if most.Load() != 1 {
		t.Errorf("%d logins at the same time, want 1", most.Load())
	}
	blocks.Store(false)
	h.mustDo(h.mustOpen(by))
}

func TestAuthMethod_CanceledByTheCaller(t *testing.T) {
	h := newHarness(t)
	for name, method := range map[string]methodFunc{
		"between requests": func(ctx context.Context, _ *api.Client) (*api.Secret, error) {
			<-ctx.Done()
			return nil, errors.New("gave up")
		},
		"in a request": func(ctx context.Context, c *api.Client) (*api.Secret, error) {
			_, err := c.Logical().ReadWithContext(ctx, "auth/hangs")
			return nil, errors.New("gave up: " + err.Error())
		},
	} {
		proxy := h.proxied()
		proxy.SetRule(faultproxy.OnEvery("", "auth/hangs", faultproxy.Hang()))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		_, err := session.Open(ctx, session.Config{Client: h.client(), Login: made(method), Logger: h.logs.Logger()})
		if !errors.Is(err, context.Canceled) || errors.Is(err, vaulterr.ErrUnavailable) || errors.Is(err, vaulterr.ErrUnauthenticated) {
			t.Errorf("Open canceled %s = %v, want Canceled alone", name, err)
		}
	}
}

// TestAuthMethod_NoToken checks what a method returns in place of a token.
func TestAuthMethod_NoToken(t *testing.T) {
	h := newHarness(t)
	proxy := h.proxied()
	login := h.roleMethod(nil)
	mfa := `{"auth":{"client_token":"","mfa_requirement":{"mfa_request_id":"fake","mfa_constraints":{}}}}`
	proxy.SetRule(faultproxy.OnEvery("", h.mount+"/login", faultproxy.Rewrite(func(int, []byte) []byte { return []byte(mfa) })))
	for want, method := range map[string]methodFunc{
		"multi-factor": login,
		"no token":     func(context.Context, *api.Client) (*api.Secret, error) { return nil, nil },
		"has no token": func(context.Context, *api.Client) (*api.Secret, error) { return &api.Secret{}, nil },
	} {
		if _, err := h.openSoon(made(method)); !errors.Is(err, vaulterr.ErrUnauthenticated) || !strings.Contains(err.Error(), want) {
			t.Errorf("Open = %v, want ErrUnauthenticated with %q", err, want)
		}
	}
}

// TestAuthMethod_CannotChangeTheSession checks that what a method sets on its client stays
// there, and that a method may use the official client's own login.
func TestAuthMethod_CannotChangeTheSession(t *testing.T) {
	h := newHarness(t)
	login := h.roleMethod(nil)
	s := h.mustOpen(made(func(ctx context.Context, c *api.Client) (*api.Secret, error) {
		if c.Token() != "" {
			t.Error("the client of an auth method has a token, want none")
		}
		response, err := c.Auth().Login(ctx, login)
		c.SetNamespace("elsewhere")
		c.AddHeader("X-Test", "fake")
		c.SetMaxRetries(7)
		c.SetClientTimeout(time.Nanosecond)
		c.SetCheckRedirect(func(*http.Request, []*http.Request) error { return errors.New("fake") })
		if err := c.SetAddress("http://127.0.0.1:1"); err != nil {
			t.Error(err)
		}
		return response, err
	}))
	for range 2 {
		h.mustDo(s)
		config := s.Client().CloneConfig()
		if config.MaxRetries != 0 || config.Timeout != 0 || config.HttpClient.Timeout != 0 || config.Address != h.address ||
			s.Client().Address() != h.address || s.Client().Namespace() != "" || s.Client().Headers().Get("X-Test") != "" {
			t.Errorf("the session's client has settings of the auth method: %q %d %v", config.Address, config.MaxRetries, config.Timeout)
		}
		h.revoke(s)
	}
}

// TestAuthMethod_Lifecycle checks that the token is renewed up to its maximum TTL, that the
// method is made once for each login, and that it then has the credential of that time.
func TestAuthMethod_Lifecycle(t *testing.T) {
	h := newHarness(t)
	roleID := h.role(map[string]any{"token_ttl": "2s", "token_max_ttl": "4s", "secret_id_num_uses": 1})
	credentials := make(chan string, 4)
	next := func() { credentials <- h.secretID() }
	by := newMade(func() (api.AuthMethod, error) {
		secretID := <-credentials
		return methodFunc(func(ctx context.Context, c *api.Client) (*api.Secret, error) {
			login := map[string]any{"role_id": roleID, "secret_id": secretID}
			response, err := c.Logical().WriteWithContext(ctx, "auth/"+h.mount+"/login", login)
			if err == nil { // the last response is not the login's
				_, err = c.Sys().HealthWithContext(ctx)
			}
			return response, err
		}), nil
	})
	var renewals atomic.Int32
	next()
	s, err := session.Open(t.Context(), session.Config{Client: h.client(), Login: by, Logger: h.logs.Logger(), Observe: func(e event.Event) {
		if e.Kind == event.Renewal && e.Err == nil {
			renewals.Add(1)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	next()
	h.eventually(10*time.Second, "another login near the maximum TTL", func() bool { h.mustDo(s); return s.Logins() == 2 })
	if renewals.Load() == 0 {
		t.Error("no renewal before the maximum TTL, want one")
	}
	next()
	h.mustDo(s) // a new token that is refused before it served counts as a failed login
	h.revoke(s)
	h.mustDo(s)
	if n := by.made.Load(); s.Logins() != 3 || n != 3 || h.logins() != 3 {
		t.Errorf("%d logins made %d auth methods and %d requests, want 3 of each", s.Logins(), n, h.logins())
	}
	token := s.Client().Token()
	_ = s.Close()
	if h.lookup(token) != nil {
		t.Error("the token is valid after Close, want it revoked")
	}
}

func TestAuthMethod_BatchToken(t *testing.T) {
	h := newHarness(t)
	login := h.roleMethod(map[string]any{"token_type": "batch"})
	s := h.mustOpen(made(func(ctx context.Context, c *api.Client) (*api.Secret, error) {
		response, err := login(ctx, c)
		if err == nil {
			_, err = c.Sys().HealthWithContext(ctx)
		}
		return response, err
	}))
	h.mustDo(s)
	if _ = s.Close(); strings.Contains(h.logs.String(), "WARN") {
		t.Errorf("the log after Close of a batch token = %s, want no warning", h.logs)
	}
}
