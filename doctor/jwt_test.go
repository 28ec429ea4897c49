package doctor_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/short"
	"goblin/vaultkit/internal/vaulttest"
)

func newIssuer(t *testing.T) *vaulttest.Issuer {
	t.Helper()
	issuer := vaulttest.NewIssuer()
	t.Cleanup(issuer.Close)
	return issuer
}

// mountJWT mounts the JWT method with these settings, and with the role "ci" of a reader.
func mountJWT(t *testing.T, config, role object) (mount string) {
	t.Helper()
	root, mount := vaulttest.Root(t), strings.ToLower(vaulttest.Name(t))
	if err := root.Sys().EnableAuthWithOptionsWithContext(t.Context(), mount, &api.EnableAuthOptions{Type: "jwt"}); err != nil {
		t.Fatalf("EnableAuthWithOptionsWithContext = %v, want no error", err)
	}
	if config != nil {
		vaulttest.Write(t, root, "auth/"+mount+"/config", config)
	}
	all := object{"role_type": "jwt", "user_claim": "sub", "bound_audiences": "vault", "bound_claims": object{"repository": "goblin/assistant"}}
	for key, value := range withPolicy(t, role, nil) {
		all[key] = value
	}
	vaulttest.Write(t, root, "auth/"+mount+"/role/ci", all)
	return mount
}

// jobClaims are the claims that the role "ci" accepts.
var jobClaims = object{"aud": "vault", "repository": "goblin/assistant"}

// byJWT returns the variables of a login with a JWT.
func byJWT(mount, token string) []string {
	return []string{"VAULTKIT_AUTH=jwt", "VAULTKIT_JWT_MOUNT=" + mount, "VAULTKIT_JWT_ROLE=ci", "VAULTKIT_JWT_TOKEN=" + token}
}

// jwtProblems returns a diagnosis with a JWT whose claims are changed. A claim of nil is left out.
func jwtProblem(mount string, issuer *vaulttest.Issuer, changes object) func(*testing.T) diagnosis {
	claims := object{}
	for _, some := range []object{jobClaims, changes} {
		for name, value := range some {
			claims[name] = value
		}
	}
	return withOptions(variables(byJWT(mount, issuer.Sign(claims))...))
}

func TestDiagnose_TellsWhyAJWTIsRefused(t *testing.T) {
	issuer, stranger := newIssuer(t), newIssuer(t)
	mount := mountJWT(t, issuer.StaticConfig(), nil)
	bound := mountJWT(t, issuer.StaticConfig(), object{"bound_subject": "somebody"})
	noConfig := mountJWT(t, nil, nil)
	good := issuer.Sign(jobClaims)
	ago := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }
	ended := object{"exp": ago(time.Hour), "nbf": ago(2 * time.Hour), "iat": ago(2 * time.Hour)}
	signedElsewhere := jwtProblem(mount, stranger, object{"iss": issuer.URL})
	problems{
		"ended": {jwtProblem(mount, issuer, ended),
			expected{"login", fails, vaultkit.ErrUnauthenticated, "start the program again with another one", "timedatectl"}},
		"not yet valid": {jwtProblem(mount, issuer, object{"nbf": ago(-time.Hour)}),
			expected{"login", fails, vaultkit.ErrUnauthenticated, "token not yet valid", "timedatectl"}},
		"no end": {jwtProblem(mount, issuer, object{"exp": nil, "nbf": ago(time.Hour), "iat": ago(time.Hour)}),
			expected{"login", fails, vaultkit.ErrUnauthenticated, "the JWT lacks the claim exp", "vault read auth/" + mount + "/role/ci"}},
		"audience": {jwtProblem(mount, issuer, object{"aud": "https://github.com/goblin"}),
			expected{"login", fails, vaultkit.ErrUnauthenticated, `the JWT's audience is ["https://github.com/goblin"]`, "vault read auth/" + mount + "/role/ci"}},
		"no audience": {jwtProblem(mount, issuer, object{"aud": nil}),
			expected{"login", fails, vaultkit.ErrUnauthenticated, `the JWT's audience is []`, "vault read auth/" + mount + "/role/ci"}},
		"claim": {jwtProblem(mount, issuer, object{"repository": "goblin/fork"}),
			expected{"login", fails, vaultkit.ErrUnauthenticated, `the JWT's claim "repository" is "goblin/fork"`, "vault read auth/" + mount + "/role/ci"}},
		"no claim": {jwtProblem(mount, issuer, object{"repository": nil}),
			expected{"login", fails, vaultkit.ErrUnauthenticated, `the JWT's claim "repository" is ""`, "vault read auth/" + mount + "/role/ci"}},
		"subject": {jwtProblem(bound, issuer, object{"sub": "somebody else"}),
			expected{"login", fails, vaultkit.ErrUnauthenticated, `the JWT's subject is "somebody else"`, "vault read auth/" + bound + "/role/ci"}},
		"issuer": {jwtProblem(mount, issuer, object{"iss": "https://elsewhere.example"}),
			expected{"login", fails, vaultkit.ErrUnauthenticated, `the JWT's issuer is "https://elsewhere.example"`, "vault read auth/" + mount + "/config"}},
		"key": {signedElsewhere,
			expected{"login", fails, vaultkit.ErrUnauthenticated, `the JWT's issuer is "` + issuer.URL, "vault read auth/" + mount + "/config"}},
		"role": {withOptions(variables("VAULTKIT_JWT_ROLE=nobody", "VAULTKIT_JWT_MOUNT="+mount, "VAULTKIT_JWT_TOKEN="+good)),
			expected{"login", fails, vaultkit.ErrUnauthenticated, `role "nobody" could not be found`, "vault list auth/" + mount + "/role"}},
		"no default role": {withOptions(variables("VAULTKIT_JWT_MOUNT="+mount, "VAULTKIT_JWT_TOKEN="+good)),
			expected{"login", fails, vaultkit.ErrUnauthenticated, "missing role", "vault list auth/" + mount + "/role"}},
		"no configuration": {jwtProblem(noConfig, issuer, nil),
			expected{"login", fails, vaultkit.ErrUnauthenticated, "could not load configuration", "vault read auth/" + noConfig + "/config"}},
		"no mount": {jwtProblem("nowhere", issuer, nil),
			expected{"login", fails, vaultkit.ErrUnauthenticated, "auth/nowhere", "vault auth list"}},
	}.check(t)
	found := jwtProblem(mount, issuer, nil)(t).findings(t)
	expected{"credentials", fine, nil, "its audience is vault, and it ends in ", ""}.compare(t, found)
	expected{"login", fine, nil, "role ci", ""}.compare(t, found)
	expected{"rights:reader", fine, nil, "", ""}.compare(t, found)
	found = jwtProblem(mount, issuer, ended)(t).findings(t)
	expected{"credentials", warns, nil, "ago: a platform gives a JWT for minutes", "timedatectl"}.compare(t, found)
	expected{"login", fails, vaultkit.ErrUnauthenticated, "the JWT ended at 2", ""}.compare(t, found)
}

// Vault gets the keys of CI systems from their issuers.
func TestDiagnose_TellsThatVaultCannotReachTheIssuer(t *testing.T) {
	short.RealOnly(t, "a Vault that gets the issuer's keys")
	issuer := newIssuer(t)
	mount := mountJWT(t, issuer.JWKSConfig(), nil)
	problem := jwtProblem(mount, issuer, nil)
	issuer.Close()
	expected{"login", fails, vaultkit.ErrUnauthenticated, "check that it can reach the issuer", "vault read auth/" + mount + "/config"}.
		compare(t, problem(t).findings(t))
}

func TestDiagnose_ChecksTheJWT(t *testing.T) {
	t.Setenv("FAKE_EMPTY_JWT", "")
	issuer := newIssuer(t)
	missing, notOne, old := filepath.Join(t.TempDir(), "missing"), filepath.Join(t.TempDir(), "key"), filepath.Join(t.TempDir(), "jwt")
	vaulttest.WriteFile(t, notOne, clienttest.Marker)
	vaulttest.WriteFile(t, old, issuer.Sign(object{"exp": time.Now().Add(-time.Hour).Unix()}))
	by := func(env ...string) func(*testing.T) diagnosis {
		return withOptions(variables(append([]string{"VAULTKIT_AUTH=jwt"}, env...)...))
	}
	const pipeline = "grep -rnE 'id-token|id_tokens' .github/workflows .gitlab-ci.yml"
	problems{
		"no variables of GitHub": {by(), expected{"credentials", fails, vaultkit.ErrInvalid, "id-token: write", pipeline}},
		"no file":                {by("VAULTKIT_JWT_TOKEN_FILE=" + missing), expected{"credentials", fails, vaultkit.ErrInvalid, missing, "ls -l " + missing}},
		"not a JWT":              {by("VAULTKIT_JWT_TOKEN_FILE=" + notOne), expected{"credentials", fails, vaultkit.ErrInvalid, "is not a JWT", "ls -l " + notOne}},
		"not base64":             {by("VAULTKIT_JWT_TOKEN=a.!.c"), expected{"credentials", fails, vaultkit.ErrInvalid, "is not JSON", pipeline}},
		"not JSON":               {by("VAULTKIT_JWT_TOKEN=a.YQ.c"), expected{"credentials", fails, vaultkit.ErrInvalid, "is not JSON", pipeline}},
		"no variable": {withOptions(vaultkit.WithJWT(vaultkit.JWT{Token: vaultkit.FromEnv("FAKE_NO_JWT")})),
			expected{"credentials", fails, vaultkit.ErrInvalid, "environment FAKE_NO_JWT is not set", pipeline}},
		"an empty variable": {withOptions(vaultkit.WithJWT(vaultkit.JWT{Token: vaultkit.FromEnv("FAKE_EMPTY_JWT")})),
			expected{"credentials", fails, vaultkit.ErrInvalid, "environment FAKE_EMPTY_JWT is empty", pipeline}},
		"no credential": {withOptions(vaultkit.WithJWT(vaultkit.JWT{Role: "ci"})),
			expected{"credentials", fails, vaultkit.ErrInvalid, "no JWT given", "vaultkit doctor --help"}},
		"a JWT in the way": {withOptions(variables("VAULT_TOKEN="+vaulttest.Server().RootToken(), "VAULTKIT_JWT_ROLE=ci")),
			expected{"credentials", warns, nil, "the variables of the jwt login are set, too", "export VAULTKIT_AUTH=jwt"}},
	}.check(t)
	found := by("VAULTKIT_JWT_TOKEN_FILE=" + old)(t).findings(t)
	expected{"credentials", warns, nil, "ago: a platform gives a JWT for minutes", "ls -l " + old}.compare(t, found)
}

// The identity token of GitHub is asked for twice, by the check of the credentials and by the
// login, and a refusal says what GitHub answered.
func TestDiagnose_AsksGitHubForTheJWT(t *testing.T) {
	issuer := newIssuer(t)
	mount := mountJWT(t, issuer.StaticConfig(), nil)
	inJob := func(job map[string]string) diagnosis {
		env := []string{"VAULTKIT_JWT_MOUNT=" + mount, "VAULTKIT_JWT_ROLE=ci", "VAULTKIT_JWT_AUDIENCE=vault"}
		for name, value := range job {
			env = append(env, name+"="+value)
		}
		return diagnosis{opts: []vaultkit.Option{variables(env...)}}
	}
	job := issuer.Job(jobClaims)
	found := inJob(job).findings(t)
	expected{"credentials", fine, nil, "GitHub's identity token for the audience vault", ""}.compare(t, found)
	expected{"login", fine, nil, "", ""}.compare(t, found)
	if got := len(issuer.Signed()); got != 2 {
		t.Errorf("Diagnose asked GitHub for %d tokens, want 2", got)
	}
	job["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = clienttest.Marker
	expected{"credentials", fails, vaultkit.ErrUnauthenticated, "HTTP 401", "curl "}.compare(t, inJob(job).findings(t))

	// A GitHub that stops after its first answer.
	answers := 0
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if answers++; answers > 1 {
			http.Error(w, clienttest.Marker, http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, `{"value": %q}`, issuer.Sign(jobClaims))
	}))
	defer front.Close()
	job["ACTIONS_ID_TOKEN_REQUEST_URL"] = front.URL + "?api-version=2.0"
	expected{"login", fails, vaultkit.ErrUnauthenticated, "HTTP 403", "curl "}.compare(t, inJob(job).findings(t))
}

// The commands that only look at a JWT's origin print no secret.
func TestDiagnose_LooksPrintNoSecret(t *testing.T) {
	issuer := newIssuer(t)
	job := issuer.Job(jobClaims)
	job["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] += "-wrong"
	var env []string
	for name, value := range job {
		env = append(env, name+"="+value)
	}
	fix := withOptions(variables(append(env, "VAULTKIT_AUTH=jwt")...))(t).findings(t)["credentials"].Fix
	cmd := exec.CommandContext(t.Context(), "sh", "-c", fix) //nolint:gosec // a user would paste it
	cmd.Env = append(cmd.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "401") || strings.Contains(string(out), "fake-request-token") {
		t.Errorf("the fix %q printed %s, %v, want the status 401 and no token", fix, out, err)
	}
}
