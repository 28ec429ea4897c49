package systemtest_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/envfile"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/logbuffer"
	"goblin/vaultkit/internal/vaulttest"
)

// outputCollector collects the library's output in every form.
type outputCollector struct{ logbuffer.Buffer }

// collect prints values with every verb, as JSON and through slog.
func (s *outputCollector) collect(values ...any) {
	log := s.Logger()
	for _, value := range values {
		if err, ok := value.(error); ok {
			s.causes(err)
		}
		for _, verb := range []string{"%v\n", "%+v\n", "%#v\n", "%s\n", "%q\n", "%x\n", "%d\n"} {
			fmt.Fprintf(s, verb, value)
			if _, isMap := value.(vaultkit.ProviderKeys); !isMap { // see its doc
				fmt.Fprintf(s, verb, struct{ hidden any }{value})
			}
		}
		text, _ := json.Marshal(value)
		fmt.Fprintf(s, "%s\n", text)
		log.Info("heard", "value", value)
	}
}

// causes prints every error of the chain.
func (s *outputCollector) causes(err error) {
	if err == nil {
		return
	}
	fmt.Fprintln(s, err)
	switch err := err.(type) { //nolint:errorlint // each layer in turn
	case interface{ Unwrap() []error }:
		for _, one := range err.Unwrap() {
			s.causes(one)
		}
	case interface{ Unwrap() error }:
		s.causes(err.Unwrap())
	}
}

// assertNoSecrets fails for each secret in the output, plain or encoded.
func (s *outputCollector) assertNoSecrets(t *testing.T, secrets ...string) {
	t.Helper()
	heard := s.String()
	if len(heard) < 10_000 {
		t.Fatalf("%d bytes of output, want at least 10,000", len(heard))
	}
	for i, secret := range secrets {
		for _, form := range []string{secret, hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))),
			base64.StdEncoding.EncodeToString([]byte(secret))} {
			if at := strings.Index(heard, form); at >= 0 {
				t.Errorf("the output contains secret %d, want none: …%s…", i, heard[max(0, at-200):at+20])
			}
		}
	}
}

// options returns a debug logger that writes to the collector, and a token.
func (s *outputCollector) options(token string) []vaultkit.Option {
	return []vaultkit.Option{
		vaultkit.WithLogger(slog.New(slog.NewTextHandler(s, &slog.HandlerOptions{Level: slog.LevelDebug}))),
		vaultkit.WithToken(vaultkit.FromString(token)),
	}
}

// TestNoSecretInOutput prints every verb's results and errors with every fault, options,
// clients and the debug log.
func TestNoSecretInOutput(t *testing.T) {
	s := &outputCollector{}
	token := customToken(t, clienttest.Marker+"-token")
	proxy := clienttest.NewProxy(t)
	client := clienttest.New(t, append(s.options(token), vaultkit.WithAddress(proxy.URL()))...)
	s.collect(client, client.String(), vaultkit.WithToken(vaultkit.FromString(token)), vaultkit.FromString(token), vaultkit.NewKey(clienttest.Marker),
		vaultkit.NewFields(map[string]any{"api_key": clienttest.Marker}), vaultkit.ProviderKeys{"api_key": clienttest.Marker})
	s.everyVerb(t, client)
	for n := range 8 {
		for _, fault := range []faultproxy.Action{
			faultproxy.Refuse(), faultproxy.Lose(), faultproxy.Truncate(), faultproxy.Error(500, `{"errors":["x"]}`, true),
			faultproxy.Error(400, "<html>you sent "+clienttest.Marker+"</html>", false), faultproxy.Error(403, `{"errors":["permission denied"]}`, false),
			faultproxy.Error(404, clienttest.Marker, false), faultproxy.Error(502, clienttest.Marker, true),
		} {
			p := vaulttest.PutProvider(t, map[string]any{"api_key": clienttest.Marker + "-old", "n": 1})
			proxy.Reset()
			proxy.SetRule(faultproxy.At(n+1, fault))
			r, err := client.Rotate(t.Context(), p, vaultkit.NewKey(clienttest.Marker+"-new"))
			s.collect(r, err)
		}
	}
	proxy.SetRule(nil)
	s.logins(t)
	s.assertNoSecrets(t, append(s.jwtLogins(t), clienttest.Marker)...)
}

func (s *outputCollector) everyVerb(t *testing.T, client *vaultkit.Client) {
	t.Helper()
	ctx := t.Context()
	ok := vaulttest.PutProvider(t, map[string]any{"api_key": clienttest.Marker, "object": map[string]any{"in": clienttest.Marker}})
	done, cancel := context.WithCancel(ctx)
	cancel()
	late, cancelLate := context.WithDeadline(ctx, time.Now().Add(-time.Second))
	defer cancelLate()
	for _, ctx := range []context.Context{ctx, done, late} {
		for _, p := range []string{ok, vaulttest.Name(t), "../" + clienttest.Marker[:6]} {
			_, err := client.GetAPIKey(ctx, p) // the one that returns a secret, as it should
			s.collect(err)
			keys, err := client.GetProviderKeys(ctx, p)
			s.collect(keys, err)
			_, err = client.GetField(ctx, p, "object")
			s.collect(err)
			version, err := client.PutProviderKeys(ctx, p, vaultkit.ProviderKeys{"api_key": clienttest.Marker})
			s.collect(version, err)
			version, err = client.PutProviderKeys(ctx, p, vaultkit.ProviderKeys{"api_key": clienttest.Marker + "\xff"})
			s.collect(version, err)
			for _, source := range []vaultkit.Source{
				vaultkit.NewKey(clienttest.Marker + "-2"), vaultkit.NewKey(clienttest.Marker + "-2"), vaultkit.NewKey(clienttest.Marker + "\xff"), vaultkit.NewKey(strings.Repeat(clienttest.Marker, 1<<16)),
				vaultkit.NewFields(map[string]any{"api_key": []any{clienttest.Marker}}), vaultkit.NewFields(map[string]any{"api_key": json.Number(clienttest.Marker)}),
			} {
				r, err := client.Rotate(ctx, p, source)
				s.collect(source, r, err)
			}
			r, err := client.Rollback(ctx, p, "")
			s.collect(r, err)
			backups, err := client.Backups(ctx, p)
			s.collect(backups, err)
			history, err := client.History(ctx, p)
			s.collect(history, err)
			found, err := client.Recover(ctx, p)
			s.collect(found, err)
			s.lifeCycle(ctx, client, p, history)
			_, err = client.Environ(ctx, vaultkit.EnvQuery{Providers: []string{p}}) // returns secrets, as it should
			s.collect(err)
			loaded, err := client.LoadEnv(ctx, vaultkit.EnvQuery{Providers: []string{p}, Prefix: "4"})
			s.collect(loaded, err)
			written, err := client.WriteEnvFile(ctx, t.TempDir()+"/env", envfile.Sh, vaultkit.EnvQuery{Providers: []string{p}})
			s.collect(written, err)
		}
	}
	names, err := client.Providers(ctx)
	s.collect(names, err)
}

// lifeCycle calls the verbs that retire a key, and uses a source that fails in every way.
func (s *outputCollector) lifeCycle(ctx context.Context, client *vaultkit.Client, p string, history []vaultkit.Record) {
	for _, id := range []string{clienttest.Marker[:6], "20260102T030405.000000000Z-v1-0123456789abcdef0123456789abcdef", firstID(history)} {
		aborted, err := client.Abort(ctx, p, id)
		s.collect(aborted, err)
		revocation, err := client.RevokeOld(ctx, p, id, &clienttest.Revoker{}, vaultkit.IgnoreOtherProviders())
		s.collect(revocation, err)
		r, err := client.Rollback(ctx, p, id, vaultkit.RestoreDeleted())
		s.collect(r, err)
	}
	pruned, err := client.PruneBackups(ctx, p, vaultkit.PruneLimits{KeepNewest: 1})
	s.collect(pruned, err)
	for status, err := range client.Status(ctx, vaultkit.StatusQuery{Providers: []string{p}}) {
		s.collect(status, err)
	}
	for _, wrong := range []*clienttest.IssuingSource{
		{Fields: map[string]any{"api_key": clienttest.Marker + "-3"}, VerifyErr: vaultkit.ErrInvalid, RevokeErr: vaultkit.ErrUnavailable},
		{Fields: map[string]any{"api_key": []string{clienttest.Marker}}},
	} {
		for one := range client.RotateAll(ctx, 2, []string{p}, wrong) {
			s.collect(one, one.Err)
		}
	}
}

func firstID(history []vaultkit.Record) string {
	if len(history) == 0 {
		return ""
	}
	return history[0].ID
}

// logins fail and succeed with marked credentials.
func (s *outputCollector) logins(t *testing.T) {
	t.Helper()
	root := vaulttest.Root(t)
	if err := root.Sys().PutPolicyWithContext(t.Context(), "canary", vaulttest.Policy(t, "../../", "rotator")); err != nil {
		t.Fatal(err)
	}
	role := vaulttest.Name(t)
	vaulttest.Write(t, root, "auth/approle/role/"+role, map[string]any{"token_policies": "canary", "token_ttl": "1h"})
	vaulttest.Write(t, root, "auth/approle/role/"+role+"/custom-secret-id", map[string]any{"secret_id": clienttest.Marker + "-secret-id"})
	id, err := root.Logical().ReadWithContext(t.Context(), "auth/approle/role/"+role+"/role-id")
	if err != nil {
		t.Fatal(err)
	}
	roleID := vaultkit.FromString(id.Data["role_id"].(string))
	jwt := t.TempDir() + "/jwt"
	vaulttest.WriteFile(t, jwt, clienttest.Marker+"-jwt")
	for _, login := range []vaultkit.Option{
		vaultkit.WithAppRole(vaultkit.AppRole{RoleID: roleID, SecretID: vaultkit.FromString(clienttest.Marker + "-secret-id")}),
		vaultkit.WithAppRole(vaultkit.AppRole{RoleID: roleID, SecretID: vaultkit.FromString(clienttest.Marker + "-wrong")}),
		vaultkit.WithAppRole(vaultkit.AppRole{RoleID: roleID, SecretID: vaultkit.FromString(clienttest.Marker + "-wrapping").Wrapped()}),
		vaultkit.WithKubernetes(vaultkit.Kubernetes{Role: "r", JWTFile: jwt}),
		vaultkit.WithToken(vaultkit.FromString(clienttest.Marker + "-wrong")),
		vaultkit.WithToken(vaultkit.FromString(clienttest.Marker + "\n-wrong")),
		vaultkit.WithAddress("http://user:" + clienttest.Marker + "@127.0.0.1:1"),
		vaultkit.WithTransport(func(http.RoundTripper) http.RoundTripper { return nil }),
	} {
		s.login(t, login)
	}
}

// login collects the output of a login.
func (s *outputCollector) login(t *testing.T, login vaultkit.Option) {
	t.Helper()
	client, err := vaultkit.New(t.Context(), append(s.options("x"), vaultkit.WithAddress(vaulttest.Server().Addr()), login)...)
	s.collect(login, client, err)
	if err == nil {
		client.Close()
	}
}

// jwtLogins fail and succeed with JWTs. It returns them, and the tokens with which jobs ask for
// them.
func (s *outputCollector) jwtLogins(t *testing.T) (secrets []string) {
	t.Helper()
	issuer := vaulttest.NewIssuer()
	defer issuer.Close()
	mount := issuer.Mount(t, vaulttest.Root(t), vaulttest.Policy(t, "../../", "rotator"))
	file := t.TempDir() + "/jwt"
	vaulttest.WriteFile(t, file, issuer.Sign(map[string]any{"aud": "vault"}))
	good, job := issuer.Sign(map[string]any{"aud": "vault"}), issuer.Job(nil)
	t.Setenv("GITHUB_ACTIONS", "") // whose log has the masks
	for _, j := range []vaultkit.JWT{
		{Role: "job", Token: vaultkit.FromString(good)},
		{Role: "job", Token: vaultkit.FromFile(file)},
		{Role: "other", Token: vaultkit.FromString(good)},
		{Token: vaultkit.FromString(good)},
		{Role: "job", Token: vaultkit.FromString(good).Wrapped()},
		{Role: "job", Token: vaultkit.FromString(good + "\n" + good)},
		{Role: "job", Token: vaultkit.FromString("'" + good + "'")},
		{Role: "job", Token: vaultkit.FromString(good + "." + good)},
		{Role: "job", Token: vaultkit.FromString(good[:len(good)-8] + "AAAAAAAA")},
		{Role: "job", Token: vaultkit.FromString(issuer.Sign(map[string]any{"aud": "vault", "exp": 1}))},
		{Role: "job", Token: vaultkit.FromString(clienttest.Marker)},
		{Role: "job", Token: vaultkit.GitHubToken("vault")},
		{Role: "job", Token: vaultkit.GitHubToken("other")},
		{Role: "job", Token: vaultkit.GitHubToken("")},
	} {
		j.Mount = mount
		for _, address := range []string{job["ACTIONS_ID_TOKEN_REQUEST_URL"], "https://" + clienttest.Marker + "@host.invalid", "", issuer.URL + "/nothing"} {
			t.Setenv("ACTIONS_ID_TOKEN_REQUEST_URL", address)
			t.Setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", job["ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
			s.collect(j, j.Token)
			s.login(t, vaultkit.WithJWT(j))
		}
	}
	if n := len(issuer.Signed()); n < 6 {
		t.Errorf("%d JWTs were signed, want those of GitHub, too", n)
	}
	return issuer.Secrets()
}

// customToken creates a root token with the given text.
func customToken(t *testing.T, id string) string {
	t.Helper()
	secret, err := vaulttest.Root(t).Auth().Token().CreateOrphanWithContext(t.Context(), &api.TokenCreateRequest{
		ID: id, Policies: []string{"root"}, TTL: "1h",
	})
	if err != nil {
		t.Fatal(err)
	}
	return secret.Auth.ClientToken
}
