package doctor_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/doctor"
	"goblin/vaultkit/internal/checks"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

// setUp is something that is wrong, and the shell in which a user runs the fix.
type setUp struct {
	diagnosis
	check string
	env   []string                  // the shell's variables, besides the address and the root token
	input string                    // what the user types
	again func(ran shell) diagnosis // the diagnosis after the fix; nil: the same again
	state doctor.Status             // of the check after the fix; empty: ok

	planFlags string // flags that the administrator adds to a planned command
}

// shell holds what a shell printed and its variables, after a fix ran in it.
type shell struct {
	printed string
	env     []string
}

type setUps map[string]func(t *testing.T) setUp

// healingFixes has one or more set-ups for each kind of fix that fixes the problem.
var healingFixes = map[checks.Kind]setUps{
	checks.DefaultMount: {"": found("configuration", vaultkit.WithMount("../sys"))},
	checks.DefaultBase:  {"": found("configuration", vaultkit.WithBasePath("a//b"))},
	checks.UnsetVariable: {"login": inEnvironment("configuration", "VAULTKIT_AUTH=ldap"),
		"TLS": inEnvironment("configuration", "VAULT_SKIP_VERIFY=perhaps")},
	checks.ChooseLogin: {"AppRole": func(t *testing.T) setUp {
		return inEnvironment("credentials", roleInVariables(t)...)(t)
	}, "JWT": func(t *testing.T) setUp {
		issuer := newIssuer(t)
		return inEnvironment("credentials", byJWT(mountJWT(t, issuer.StaticConfig(), nil), issuer.Sign(jobClaims))[1:]...)(t)
	}},
	checks.VaultLogin:  {"no token": noLogin, "a dead token": deadLogin},
	checks.ProtectFile: {"": openFile},
	checks.UseHTTPS:    {"": wrongScheme},
	checks.UseHTTP: {"": func(*testing.T) setUp {
		return setUp{diagnosis: diagnosis{opts: []vaultkit.Option{at(secureAddress())}}, check: "tls"}
	}},
	checks.ExpectName:  {"": wrongName},
	checks.Unseal:      {"": sealed},
	checks.NewToken:    newTokens,
	checks.ReplaceRoot: {"": func(*testing.T) setUp { return tokenIs("token", vaulttest.Server().RootToken()) }},
	checks.UnlimitedUses: {"AppRole": roleSetUp("token", object{"token_num_uses": 20}, nil),
		"Kubernetes":  podSetUp("token", object{"token_num_uses": 20}, nil),
		"JWT":         jobSetUp("token", object{"token_num_uses": 20}, nil),
		"auth method": methodSetUp("token", object{"token_num_uses": 20}, nil)},
	checks.WritePolicy:     {"": outdatedPolicy},
	checks.AttachPolicy:    attached,
	checks.TokenWithPolicy: {"": readersToken},
	checks.AllowAsking:     {"": roleSetUp("rights:reader", nil, nil, clienttest.Right{Path: "sys/capabilities-self", Capability: "update"})},
	checks.NewCredentials:  newCredentials,
	checks.MakeMount: {"": func(t *testing.T) setUp {
		return found("mount", vaultkit.WithMount("engines/"+vaulttest.Name(t)))(t)
	}},
	checks.ShowHeader:   {"": withoutHeader},
	checks.KeepVersions: {"": deletingSetUp},
	checks.FreeMetadata: {"": guardedSetUp},
	checks.UseMount: {"": func(t *testing.T) setUp {
		return found("mount", vaultkit.WithMount(vaulttest.MountEngine(t, "kv", map[string]string{"version": "2"})+"/in"))(t)
	}},
	checks.UpgradeMount: {"": func(t *testing.T) setUp {
		return found("mount", vaultkit.WithMount(vaulttest.MountEngine(t, "kv", nil)))(t)
	}},
	checks.KeepKey:  keys,
	checks.StoreKey: {"": destroyed},
	checks.Recover: {"": func(t *testing.T) setUp {
		return setUp{diagnosis: withQuery(only(clienttest.PutProviderLackingARecord(t)))(t), check: "pending"}
	}},
	checks.EnableAudit: {"": unaudited},
	checks.StartDev:    nil, // see TestDiagnose_FixStartsADevelopmentServer
	checks.BypassProxy: nil, // see TestDiagnose_FixBypassesTheProxy
}

// Each fix that is not marked LookOnly fixes its problem, and causes no other one. The test runs the
// fix as a user would, and then calls Diagnose again.
func TestDiagnose_FixesHeal(t *testing.T) {
	tools := fixTools(t)
	for kind, all := range healingFixes {
		for name, arrange := range all {
			t.Run(string(kind)+"/"+name, func(t *testing.T) {
				s := arrange(t)
				before := s.run(t)
				found := before[s.check]
				if found.kind != kind {
					t.Fatalf("Diagnose yielded %+v for %s, want a fix of the kind %s", found, s.check, kind)
				}
				fix := found.Fix
				after := s.findingsAfter(t, s.runFix(t, tools, fix), fix)
				if got := after[s.check]; got.Status != s.wanted() {
					t.Errorf("after the fix %q, Diagnose yielded %+v, want %s", fix, got, s.wanted())
				}
				for check, was := range before {
					if now := after[check]; was.Status == fine && (now.Status == warns || now.Status == fails) {
						t.Errorf("after the fix %q, Diagnose yielded %+v, want it ok as before: %+v", fix, now, was)
					}
				}
			})
		}
	}
}

// Each kind of fix has a set-up, among healingFixes or among lookingFixes.
func TestDiagnose_EveryFixIsTested(t *testing.T) {
	for _, kind := range checks.Kinds() {
		_, heals := healingFixes[kind]
		_, looks := lookingFixes[kind]
		if heals != kind.Heals() || looks == heals {
			t.Errorf("the kind %s: Heals = %t, in healingFixes %t, in lookingFixes %t, want one set-up that fits", kind, kind.Heals(), heals, looks)
		}
	}
	if got, want := len(healingFixes)+len(lookingFixes), len(checks.Kinds()); got != want {
		t.Errorf("the set-ups cover %d kinds of fixes, want %d", got, want)
	}
}

func (s setUp) wanted() doctor.Status {
	if s.state == "" {
		return fine
	}
	return s.state
}

// fixTools returns a directory with the commands that fixes run: vaultkit, and a stand-in for vault.
func fixTools(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "vaultkit"),
		"goblin/vaultkit/cmd/vaultkit").CombinedOutput(); err != nil {
		t.Fatalf("go build = %v, want no error\n%s", err, out)
	}
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(dir, "vault"))
	}
	if err != nil {
		t.Fatalf("os.Symlink = %v, want no error", err)
	}
	return dir
}

// command returns a shell that runs a line, with the variables of the set-up.
func (s setUp) command(t *testing.T, tools, line string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line) //nolint:gosec // a user would paste it
	cmd.Env = append([]string{"PATH=" + tools + ":" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"),
		"VAULT_ADDR=" + vaulttest.Server().Addr(), "VAULT_TOKEN=" + vaulttest.Server().RootToken()}, s.env...)
	cmd.Stdin = strings.NewReader(s.input)
	return cmd
}

// runFix runs a fix and returns what it printed and the variables after it.
func (s setUp) runFix(t *testing.T, tools, fix string) shell {
	t.Helper()
	left := filepath.Join(t.TempDir(), "env")
	if isDoctor(fix) {
		fix += " --json"
	}
	out, err := s.command(t, tools, fix+"\ncode=$?\nenv -0 >"+left+"\nexit $code").Output()
	if err != nil && !isDoctor(fix) { // doctor may find another problem
		t.Fatalf("the fix %q = %v, want no error", fix, err)
	}
	text, err := os.ReadFile(left)
	if err != nil {
		t.Fatalf("os.ReadFile = %v, want no error", err)
	}
	return shell{string(out), strings.Split(string(text), "\x00")}
}

func isDoctor(fix string) bool { return strings.HasPrefix(fix, "vaultkit doctor") }

// findingsAfter returns the findings after a fix, or those that the fix itself printed.
func (s setUp) findingsAfter(t *testing.T, ran shell, fix string) map[string]doctor.Finding {
	t.Helper()
	if !isDoctor(fix) {
		p := s.diagnosis
		if s.again != nil {
			p = s.again(ran)
		}
		return p.findings(t)
	}
	var all []doctor.Finding
	if err := json.Unmarshal([]byte(ran.printed), &all); err != nil {
		t.Fatalf("json.Unmarshal of %q, which %q printed = %v, want no error", ran.printed, fix, err)
	}
	found := map[string]doctor.Finding{}
	for _, one := range all {
		found[one.Check] = one
	}
	return found
}

// found returns a set-up with these options.
func found(check string, opts ...vaultkit.Option) func(*testing.T) setUp {
	return func(*testing.T) setUp { return setUp{diagnosis: diagnosis{opts: opts}, check: check} }
}

// inEnvironment returns a set-up with these variables, which the shell has, too.
func inEnvironment(check string, env ...string) func(*testing.T) setUp {
	return func(*testing.T) setUp {
		all := append([]string{"VAULT_TOKEN=" + vaulttest.Server().RootToken()}, env...)
		return setUp{diagnosis: diagnosis{opts: []vaultkit.Option{variables(all...)}}, check: check, env: env, again: fromShell(doctor.Query{})}
	}
}

// fromShell returns a diagnosis with the variables of the shell.
func fromShell(query doctor.Query) func(shell) diagnosis {
	return func(ran shell) diagnosis {
		return diagnosis{query: query, opts: []vaultkit.Option{variables(ran.env...)}}
	}
}

// tokenIs returns a set-up with a token in a variable. The shell has the root token.
func tokenIs(check, token string, roles ...policy.Role) setUp {
	query := doctor.Query{Roles: roles}
	return setUp{diagnosis: diagnosis{query: query, opts: []vaultkit.Option{variables("VAULT_TOKEN=" + token)}}, check: check,
		again: fromShell(query)}
}

var newTokens = setUps{
	"in a variable": func(*testing.T) setUp { return tokenIs("login", clienttest.Marker) },
	"in a file": func(t *testing.T) setUp {
		file := filepath.Join(t.TempDir(), "it's a token")
		vaulttest.WriteFile(t, file, clienttest.Marker)
		return found("login", vaultkit.WithToken(vaultkit.FromFile(file)))(t)
	},
	"printed": func(t *testing.T) setUp {
		s := found("login", vaultkit.WithToken(vaultkit.FromString(clienttest.Marker)))(t)
		s.again = func(ran shell) diagnosis {
			_, token, _ := strings.Cut(ran.printed, "\ntoken ")
			return diagnosis{opts: []vaultkit.Option{vaultkit.WithToken(vaultkit.FromString(strings.TrimSpace(token)))}}
		}
		return s
	},
	"no variable": func(t *testing.T) setUp {
		s := found("credentials", vaultkit.WithToken(vaultkit.FromEnv("FAKE_NO_TOKEN")))(t)
		s.again = func(ran shell) diagnosis {
			return diagnosis{opts: []vaultkit.Option{vaultkit.WithToken(vaultkit.FromString(lookup(ran.env, "FAKE_NO_TOKEN")))}}
		}
		return s
	},
	"about to end": func(t *testing.T) setUp {
		no := false
		return tokenIs("token", rawToken(t, api.TokenCreateRequest{Policies: []string{"vaultkit-reader"}, TTL: "50s", Renewable: &no}))
	},
	"with uses": func(t *testing.T) setUp {
		return tokenIs("token", rawToken(t, api.TokenCreateRequest{Policies: []string{"vaultkit-reader"}, NumUses: 9}))
	},
}

// newCredentials are set-ups with an AppRole that cannot log in.
var newCredentials = setUps{
	"wrong secret id": appRoleSetUp("login", "VAULT_ROLE_ID=fake", "VAULT_SECRET_ID="+clienttest.Marker),
	"no secret id":    appRoleSetUp("credentials", "VAULT_ROLE_ID=fake"),
	"used wrapping":   appRoleSetUp("login", "VAULT_ROLE_ID=fake", "VAULTKIT_WRAPPED_SECRET_ID="+clienttest.Marker),
	"no mount":        appRoleSetUp("login", "VAULT_ROLE_ID=fake", "VAULT_SECRET_ID=fake", "VAULTKIT_APPROLE_MOUNT=approle-of-nobody"),
}

// appRoleSetUp returns a set-up with these variables. After the fix, the user sets what it printed.
func appRoleSetUp(check string, env ...string) func(*testing.T) setUp {
	return func(*testing.T) setUp {
		query := doctor.Query{Roles: []policy.Role{policy.Reader}}
		return setUp{diagnosis: diagnosis{query: query, opts: []vaultkit.Option{variables(env...)}}, check: check, again: func(ran shell) diagnosis {
			all := env
			for line := range strings.Lines(ran.printed) {
				if pair, ok := strings.CutPrefix(strings.TrimSpace(line), "export "); ok {
					all = append([]string{pair}, all...)
				}
			}
			return diagnosis{query: doctor.Query{Roles: query.Roles, Unwrap: true}, opts: []vaultkit.Option{variables(all...)}}
		}}
	}
}

func lookup(env []string, name string) (value string) {
	for _, pair := range env {
		if key, text, _ := strings.Cut(pair, "="); key == name {
			value = text
		}
	}
	return value
}

func noLogin(t *testing.T) setUp {
	t.Setenv("HOME", t.TempDir())
	s := setUp{diagnosis: diagnosis{bare: true}, check: "credentials", input: vaulttest.Server().RootToken() + "\n"}
	s.again = func(shell) diagnosis {
		return diagnosis{opts: []vaultkit.Option{vaultkit.WithToken(vaultkit.CLIToken())}}
	}
	return s
}

func deadLogin(t *testing.T) setUp {
	home := t.TempDir()
	t.Setenv("HOME", home)
	vaulttest.WriteFile(t, filepath.Join(home, ".vault-token"), clienttest.Marker)
	s := found("login", vaultkit.WithToken(vaultkit.CLIToken()))(t)
	s.input = vaulttest.Server().RootToken() + "\n"
	return s
}

func openFile(t *testing.T) setUp {
	file := filepath.Join(t.TempDir(), "open")
	vaulttest.WriteFile(t, file, vaulttest.Server().RootToken())
	if err := os.Chmod(file, 0o644); err != nil { //nolint:gosec // the test looks for this mode
		t.Fatalf("os.Chmod = %v, want no error", err)
	}
	return found("credentials", vaultkit.WithToken(vaultkit.FromFile(file)))(t)
}

func secureAddress() string { return strings.Replace(vaulttest.Server().Addr(), "http", "https", 1) }

func wrongScheme(t *testing.T) setUp {
	url, ca := frontUntil(t, inAMonth())
	s := found("tls", at(strings.Replace(url, "https", "http", 1)))(t)
	s.env = []string{"VAULT_CACERT=" + ca}
	return s
}

func wrongName(t *testing.T) setUp {
	front, dir := clienttest.NewTLSProxy(t, false, "vault.test")
	s := found("tls", at(front.URL()), vaultkit.WithTLS(vaultkit.TLS{CAFile: dir + "/ca/ca.pem"}))(t)
	s.env, s.state = []string{"VAULT_ADDR=" + front.URL(), "VAULT_CACERT=" + dir + "/ca/ca.pem"}, warns // the certificate ends soon
	return s
}

func sealed(t *testing.T) setUp {
	server := vaulttest.Start(t)
	if err := server.Seal(t.Context()); err != nil {
		t.Fatalf("Seal = %v, want no error", err)
	}
	s := found("server", at(server.Addr()), vaultkit.WithToken(vaultkit.FromString(server.RootToken())))(t)
	s.env, s.input = []string{"VAULT_ADDR=" + server.Addr()}, server.UnsealKey()+"\n"
	return s
}

func withoutHeader(t *testing.T) setUp {
	server := vaulttest.Start(t)
	if _, err := vaulttest.RootOf(t, server).Logical().DeleteWithContext(t.Context(), "sys/config/auditing/request-headers/X-Correlation-Id"); err != nil {
		t.Fatalf("DeleteWithContext = %v, want no error", err)
	}
	s := found("audit", at(server.Addr()), vaultkit.WithToken(vaultkit.FromString(server.RootToken())))(t)
	s.env = []string{"VAULT_ADDR=" + server.Addr(), "VAULT_TOKEN=" + server.RootToken()}
	return s
}

func unaudited(t *testing.T) setUp {
	server := vaulttest.Start(t)
	if err := vaulttest.RootOf(t, server).Sys().DisableAuditWithContext(t.Context(), "file"); err != nil {
		t.Fatalf("DisableAuditWithContext = %v, want no error", err)
	}
	s := found("audit", at(server.Addr()), vaultkit.WithToken(vaultkit.FromString(server.RootToken())))(t)
	s.env = []string{"VAULT_ADDR=" + server.Addr(), "VAULT_TOKEN=" + server.RootToken()}
	return s
}
