package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/vaulttest"
)

func TestDoctorHealthy(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	token := role(t, "rotator")
	r := vkAs(t, token, "", "doctor", provider, "--role", "reader", "--role", "rotator", "--strict")
	out := r.ok(t)
	if strings.Contains(out, "WARN") || strings.Contains(out, "FAIL") || r.err != "" {
		t.Errorf("vaultkit doctor on a healthy Vault prints %q, stderr = %q, want no problem", out, r.err)
	}
	r.outHas(t, "ok    configuration   "+vaulttest.Server().Addr()+", secret/goblin-assistant\n",
		"ok    rights:rotator  every right it needs, for "+provider+"\n",
		"skip  audit           ", "\n      look: vault audit list\n")
	if strings.Contains(out+r.err, token) {
		t.Errorf("vaultkit doctor prints %q, want no token in it", out+r.err)
	}
}

func TestDoctorJSON(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	r := vkAs(t, role(t, "reader"), "", "doctor", provider, "--role", "rotator", "--json")
	r.exits(t, exitcode.Denied, "vaultkit: doctor: 1 failed, 0 with a warning")
	type finding struct {
		Check, Status, Detail, Fix string
		LookOnly                   bool `json:"look_only"`
	}
	found := map[string]finding{}
	for _, one := range decode[[]finding](t, r.out, true) {
		found[one.Check] = one
	}
	right, fix := "update on secret/data/goblin-assistant/providers/"+provider, "vaultkit setup --policy rotator "
	if got := found["rights:rotator"]; got.Status != "failed" || !strings.Contains(got.Detail, right) || !strings.HasPrefix(got.Fix, fix) ||
		got.LookOnly || !found["audit"].LookOnly {
		t.Errorf("vaultkit doctor --json: rights:rotator = %+v, audit = %+v, want the missing right with a fix, and a look", got, found["audit"])
	}
	if got := found["token"]; got.Status != "ok" || got.Fix != "" || len(found) != 16 {
		t.Errorf("vaultkit doctor --json: %d findings, token = %+v, want 16 and ok without a fix", len(found), got)
	}
	hasKeys(t, "vaultkit doctor --json", decode[[]map[string]any](t, r.out, true)[0], "check detail status")
}

func TestDoctorExitCodes(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	provider, _ := stored(t)
	reader := role(t, "reader")
	nobody := file(t, "hvs.nobody")
	v1 := vaulttest.Name(t)
	sys := vaulttest.Root(t).Sys()
	if err := sys.MountWithContext(t.Context(), v1, &api.MountInput{Type: "kv"}); err != nil {
		t.Fatalf("sys.MountWithContext() = %v, want no error", err)
	}
	defer sys.UnmountWithContext(t.Context(), v1)
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"all is well": {append(connect(t, reader), provider), exitcode.OK, ""},
		"no address":  {nil, exitcode.Usage, "look: export VAULT_ADDR="},
		"no login":    {[]string{"--address", vaulttest.Server().Addr()}, exitcode.Usage, "fix: vault login"},
		"nobody there": {[]string{"--address", "http://127.0.0.1:1", "--token-file", nobody}, exitcode.Unavailable,
			"fix: vaultkit dev --port 1"},
		"unknown token": {[]string{"--address", vaulttest.Server().Addr(), "--token-file", nobody}, exitcode.Denied,
			"fix: (umask 077; vault token create"},
		"no mount": {append(connect(t, vaulttest.Server().RootToken()), "--mount", "nope"), exitcode.NotFound,
			"fix: vaultkit setup --policy reader"},
		"KV version 1": {append(connect(t, vaulttest.Server().RootToken()), "--mount", v1), exitcode.Failure,
			"fix: vault kv enable-versioning"},
		"no provider":      {append(connect(t, reader), "nobody"), exitcode.NotFound, "look: vaultkit list --address "},
		"no right":         {append(connect(t, reader), "--role", "auditor"), exitcode.Denied, "fix: vaultkit setup --policy auditor"},
		"warnings":         {connect(t, vaulttest.Server().RootToken()), exitcode.OK, "WARN  token"},
		"strict":           {append(connect(t, vaulttest.Server().RootToken()), "--strict"), exitcode.Failure, "WARN  token"},
		"no such role":     {append(connect(t, reader), "--role", canary), exitcode.Usage, "the role is none of reader"},
		"no such provider": {append(connect(t, reader), "a/b"), exitcode.Usage, "provider name"},
	} {
		t.Run(name, func(t *testing.T) {
			r := vkBare(t.Context(), t, "", append([]string{"doctor"}, tc.args...)...)
			r.exits(t, tc.code)
			r.outHas(t, tc.says)
			if strings.Contains(r.out+r.err, canary) {
				t.Errorf("vaultkit %s prints %q, want no argument that may be a key in it", r.call, r.out+r.err)
			}
			if told := strings.HasPrefix(r.err, "vaultkit: doctor: "); told != (tc.code != exitcode.OK) || strings.Count(r.err, "\n") > 1 {
				t.Errorf("vaultkit %s: stderr = %q, want one line with the count of findings only if it fails", r.call, r.err)
			}
		})
	}
	vkBare(t.Context(), t, "", "doctor", "--timeout", "0s").want(t, exitcode.Usage, "Usage: vaultkit doctor")
	vkBare(t.Context(), t, "", "doctor", "--role").want(t, exitcode.Usage, "Usage: vaultkit doctor")
}

// --timeout bounds the wait for a server that does not respond.
func TestDoctorTimeout(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-gone }))
	defer silent.Close()
	defer close(gone)
	r := vkBare(t.Context(), t, "", "doctor", "--timeout", "100ms", "--address", silent.URL, "--token-file", file(t, "fake"))
	r.exits(t, exitcode.Unavailable)
	r.outHas(t, "FAIL  reach")
}

var fixLine = regexp.MustCompile(`(?m)^      fix: (vaultkit doctor .*)$`)

// A fix that is a vaultkit command can be pasted into a shell, and fixes the finding.
func TestDoctor_FixesCanBePasted(t *testing.T) {
	t.Parallel()
	front, ca := httpsFront(t)
	token := file(t, "fake")
	r := vkBare(t.Context(), t, "", "doctor", "--address", strings.Replace(front.URL, "https", "http", 1), "--token-file", token,
		"--ca-cert", ca, "--tls-server-name", "it's another.test")
	for _, check := range []string{"tls", "tls", "login"} { // wrong scheme, wrong name, then an invalid token
		r.exits(t, map[string]int{"tls": exitcode.Unavailable, "login": exitcode.Denied}[check])
		r.outHas(t, "FAIL  "+check)
		if check == "tls" {
			r = vkBare(t.Context(), t, "", words(t, fixLine.FindStringSubmatch(r.out)[1])[1:]...)
		}
	}
}

// words splits a command line as a shell does.
func words(t *testing.T, line string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "-c", `for word in `+line+`; do echo "$word"; done`).Output()
	if err != nil {
		t.Fatalf("sh splitting %q = %v, want no error", line, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// doctorNamesTheProxy needs a process of its own: net/http reads the variables once.
func doctorNamesTheProxy(t *testing.T, binary string) {
	cmd := exec.CommandContext(t.Context(), binary, "doctor", "--address", "http://vault.test:8200", "--token-file", file(t, "fake"))
	cmd.Env = append(os.Environ(), "HTTP_PROXY=http://me:"+canary+"@127.0.0.1:1")
	out, _ := cmd.CombinedOutput() // its exit code is tested elsewhere
	has(t, "vaultkit doctor behind a proxy", string(out), "nothing listens at vault.test:8200 through the proxy 127.0.0.1:1",
		`fix: export NO_PROXY="${NO_PROXY:+$NO_PROXY,}"vault.test`)
	if strings.Contains(string(out), canary) {
		t.Errorf("vaultkit doctor prints %q, want no password of the proxy in it", out)
	}
}

// Neither the secret id nor the token is printed.
func TestDoctor_PrintsNoCredential(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	for _, wrapped := range []bool{false, true} {
		roleID, secretID := appRole(t, wrapped)
		flag := map[bool]string{false: "--secret-id-file", true: "--wrapped-secret-id-file"}[wrapped]
		args := []string{"doctor", provider, "--verbose", "--address", vaulttest.Server().Addr(), "--role-id", roleID, flag, file(t, secretID)}
		for _, more := range []string{"--json", "--unwrap", "--unwrap"} { // the last run finds that the wrapping token is used
			r := vkBare(t.Context(), t, "", append(args, more)...)
			if shown := r.out + r.err; strings.Contains(shown, secretID) || strings.Contains(shown, "hvs.") || len(shown) < 500 {
				t.Errorf("vaultkit %s prints %q, want all findings and no secret", r.call, shown)
			}
		}
	}
}

func TestDoctorCompletesRoles(t *testing.T) {
	t.Parallel()
	for call, want := range map[string]string{
		"doctor --role ":                             "reader monitor provisioner rotator recoverer revoker janitor auditor",
		"doctor --role re":                           "reader recoverer revoker",
		"doctor --role=mon":                          "monitor",
		"doctor --role reader --role re":             "recoverer revoker",
		"doctor openai-gpt4 --role auditor --role a": "",
	} {
		offered, directive := completed(t, strings.Split(call, " ")...)
		if got := strings.Join(offered, " "); got != want || directive != noFilesInOrder {
			t.Errorf("completion of %q = %q (%s), want %q", call, got, directive, want)
		}
	}
	vkBare(t.Context(), t, "", "__complete", "doctor", "--role", "").shows(t, "reader\tMay read provider keys")
}

func TestDoctorHelp(t *testing.T) {
	t.Parallel()
	vkBare(t.Context(), t, "", "doctor", "--help").shows(t, "--strict", "--unwrap", "--role")
}
