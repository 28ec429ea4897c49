package vaultkittest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/policy"
	"goblin/vaultkit/vaultkittest"
)

const provider = "openai-gpt4"

func newServer(t *testing.T) *vaultkittest.Server {
	return vaultkittest.NewServer(t, vaultkittest.WithProviderKeys(provider, vaultkit.ProviderKeys{"api_key": "fake-old", "organization": "goblin"}))
}

func get(client *vaultkit.Client) error {
	_, err := client.GetAPIKey(context.Background(), provider)
	return err
}

func rotate(client *vaultkit.Client, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	_, err := client.Rotate(ctx, provider, vaultkit.NewKey("fake-new"))
	return err
}

// Each fault causes the error that a real Vault in this state causes.
func TestServer_Faults(t *testing.T) {
	const soon = 500 * time.Millisecond
	reads := get
	for name, tc := range map[string]struct {
		fault func(s *vaultkittest.Server)
		do    func(client *vaultkit.Client) error
		want  error
		key   string // that Vault holds in the end
	}{
		"sealed":          {(*vaultkittest.Server).Seal, reads, vaultkit.ErrSealed, ""},
		"unreachable":     {(*vaultkittest.Server).Disconnect, reads, vaultkit.ErrUnavailable, ""},
		"slow":            {func(s *vaultkittest.Server) { s.Delay(time.Hour) }, reads, vaultkit.ErrUnavailable, ""},
		"tokens revoked":  {(*vaultkittest.Server).RevokeTokens, reads, vaultkit.ErrUnauthenticated, "fake-old"},
		"a right is gone": {func(s *vaultkittest.Server) { s.Deny("read", "secret/data/goblin-assistant/providers/"+provider) }, reads, vaultkit.ErrPermissionDenied, "fake-old"},
		"a rival's write": {func(s *vaultkittest.Server) {
			s.WriteBeforeCommit(provider, vaultkit.ProviderKeys{"api_key": "fake-rival"})
		}, func(c *vaultkit.Client) error { return rotate(c, time.Minute) }, vaultkit.ErrConflict, "fake-rival"},
		"cut off after the commit": {func(s *vaultkittest.Server) { s.DisconnectAfter(vaultkittest.Commit) }, func(c *vaultkit.Client) error { return rotate(c, soon) }, vaultkit.ErrUndetermined, "fake-new"},
		"a lost commit":            {func(s *vaultkittest.Server) { s.LoseAnswers(1, vaultkittest.Commit) }, func(c *vaultkit.Client) error { return rotate(c, time.Minute) }, nil, "fake-new"},
		"each answer once":         {func(s *vaultkittest.Server) { s.LoseAnswers(3) }, func(c *vaultkit.Client) error { return rotate(c, time.Minute) }, nil, "fake-new"},
		"no right to commit": {func(s *vaultkittest.Server) { s.Deny("update", "secret/data/goblin-assistant/providers/"+provider) },
			func(c *vaultkit.Client) error { return rotate(c, time.Minute) }, vaultkit.ErrPermissionDenied, "fake-old"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			client := s.Client(t, vaultkit.WithTimeouts(vaultkit.Timeouts{Request: soon, Read: soon}))
			tc.fault(s)
			if err := tc.do(client); !errors.Is(err, tc.want) {
				t.Errorf("under the fault = %v, want %v", err, tc.want)
			}
			if tc.key != "" && s.Provider(provider).APIKey() != tc.key {
				t.Errorf("Vault does not hold the key %s", tc.key)
			}
		})
	}
}

// A fault ends when the test says so.
func TestServer_FaultsEnd(t *testing.T) {
	s := newServer(t)
	client := s.Client(t)
	for name, fault := range map[string]struct{ begin, end func() }{
		"Seal":       {s.Seal, s.Unseal},
		"Disconnect": {s.Disconnect, s.Reconnect},
		"Delay":      {func() { s.Delay(time.Hour) }, func() { s.Delay(0) }},
	} {
		fault.begin()
		fault.end()
		if err := get(client); err != nil {
			t.Errorf("GetAPIKey after the end of %s = %v, want success", name, err)
		}
	}
}

// A client with a login of its own logs in again after its token was revoked or has expired.
func TestServer_AppRole(t *testing.T) {
	s := newServer(t)
	text, err := policy.ForRole(policy.Reader)
	if err != nil {
		t.Fatal(err)
	}
	client := s.Client(t, vaultkit.WithAppRole(s.AppRole(t, text)))
	for name, end := range map[string]func(){
		"RevokeTokens": s.RevokeTokens, "Advance": func() { s.Advance(30 * 24 * time.Hour) },
	} {
		end()
		if err := get(client); err != nil {
			t.Errorf("GetAPIKey after %s = %v, want success after a login", name, err)
		}
	}
	if _, err := client.PutProviderKeys(t.Context(), "absent", vaultkit.ProviderKeys{"api_key": "fake-new"}); !errors.Is(err, vaultkit.ErrPermissionDenied) {
		t.Errorf("PutProviderKeys by a reader = %v, want ErrPermissionDenied", err)
	}
}

// A token has its policy's rights only.
func TestServer_Token(t *testing.T) {
	s := newServer(t)
	token := s.Token(t, `path "secret/data/goblin-assistant/providers/other" { capabilities = ["read"] }`)
	client := s.Client(t, vaultkit.WithToken(vaultkit.FromString(token)))
	if err := get(client); !errors.Is(err, vaultkit.ErrPermissionDenied) {
		t.Errorf("GetAPIKey of another provider = %v, want ErrPermissionDenied", err)
	}
	s.Advance(33 * 24 * time.Hour)
	if err := get(client); !errors.Is(err, vaultkit.ErrUnauthenticated) {
		t.Errorf("GetAPIKey after the token's end = %v, want ErrUnauthenticated", err)
	}
}

// A program that makes its own client finds the server by its environment, also below another
// mount and path.
func TestServer_Setenv(t *testing.T) {
	s := vaultkittest.NewServer(t, vaultkittest.WithMount("team-kv"), vaultkittest.WithBasePath("ai"), vaultkittest.WithProvider(provider, "fake-old"))
	s.Setenv(t)
	client, err := vaultkit.New(t.Context(), vaultkit.WithEnvironment())
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	defer client.Close()
	if err := rotate(client, time.Minute); err != nil {
		t.Errorf("Rotate = %v", err)
	}
	if key := s.Provider(provider).APIKey(); key != "fake-new" {
		t.Error("Vault does not hold the new key")
	}
	s.Disconnect()
	if err := rotate(client, 100*time.Millisecond); !errors.Is(err, vaultkit.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Rotate of a server that is cut off = %v, want ErrUnavailable", err)
	}
	s.Reconnect()
}

// Requests shows what the clients sent, and nothing of what the test itself did.
func TestServer_Requests(t *testing.T) {
	s := newServer(t)
	client := s.Client(t)
	before := len(s.Requests())
	s.Rotate(provider, "fake-new")
	_ = s.Provider(provider)
	if err := get(client); err != nil {
		t.Fatal(err)
	}
	want := []vaultkittest.Request{{Method: "GET", Path: "secret/data/goblin-assistant/providers/" + provider}}
	if got := s.Requests()[before:]; !slices.Equal(got, want) {
		t.Errorf("Requests = %v, want %v", got, want)
	}
}

// recorder is a test that keeps its failure's message.
type recorder struct {
	testing.TB
	message string
}

func (r *recorder) Helper() {}
func (r *recorder) Fatalf(format string, args ...any) {
	r.message = fmt.Sprintf(format, args...)
	panic(r)
}

// failure returns the message with which a step fails.
func failure(r *recorder, step func()) (message string) {
	defer func() {
		if p := recover(); p != nil && p != any(r) {
			panic(p)
		}
		message = r.message
	}()
	r.message = ""
	step()
	return ""
}

// A failure of the kit names the step, and no secret.
func TestServer_FailuresHaveNoSecrets(t *testing.T) {
	r := &recorder{TB: t}
	s := vaultkittest.NewServer(r)
	const secret = "fake-canary-key"
	for name, step := range map[string]func(){
		"PutProvider":     func() { s.PutProvider("../x", vaultkit.ProviderKeys{"api_key": secret}) },
		"Provider":        func() { s.Provider("absent") },
		"Rotate":          func() { s.Rotate("absent", secret) },
		"Deny":            func() { s.Deny("everything", "x") },
		"Deny's path":     func() { s.Deny("read", "v1/secret/x") },
		"LoseAnswers":     func() { s.LoseAnswers(1, "commits") },
		"DisconnectAfter": func() { s.DisconnectAfter("commit") },
		"Advance":         func() { s.Advance(-1) },
		"DeleteProvider":  func() { s.DeleteProvider("../x") },
		"Token":           func() { s.Token(r, secret+" {") },
	} {
		message := failure(r, step)
		if !strings.HasPrefix(message, "vaultkittest: ") || strings.Contains(message, secret) || strings.Contains(message, s.RootToken()) {
			t.Errorf("%s failed with %q, want a message of vaultkittest without a secret", name, message)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%t", "%x"} {
		if text := fmt.Sprintf(verb, s); strings.Contains(text, s.RootToken()) {
			t.Errorf("Sprintf(%q) shows the root token", verb)
		}
	}
}

// t is the test of the examples.
var t = exampleTest{}

// exampleTest is a test that an example can use. It lasts as long as the program.
type exampleTest struct{ testing.TB }

func (exampleTest) Helper()                           {}
func (exampleTest) Cleanup(func())                    {}
func (exampleTest) Context() context.Context          { return context.Background() }
func (exampleTest) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (exampleTest) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func TestMain(m *testing.M) {
	for _, name := range []string{"VAULT_ADDR", "VAULT_TOKEN", "VAULT_NAMESPACE"} {
		_ = os.Unsetenv(name)
	}
	os.Exit(m.Run())
}
