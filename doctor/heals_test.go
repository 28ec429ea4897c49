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
	"goblin/vaultkit/internal/devvault"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

// setUp is something that is wrong, and the shell in which a person runs the fix.
type setUp struct {
	diagnosis
	check string
	env   []string                  // of the shell, besides an address and a token that may do everything
	input string                    // what the person types
	again func(ran shell) diagnosis // what is diagnosed then; nil: the same again
	state doctor.Status             // of the check then; empty: ok
}

// shell is what is left of one in which a fix has run.
type shell struct {
	printed string
	env     []string
}

type setUps map[string]func(t *testing.T) setUp

// healingFixes has a set-up, or several, for every fix that is said to heal.
var healingFixes = map[checks.Kind]setUps{
	checks.DefaultMount:  {"": found("configuration", vaultkit.WithMount("../sys"))},
	checks.DefaultBase:   {"": found("configuration", vaultkit.WithBasePath("a//b"))},
	checks.UnsetVariable: {"login": inEnvironment("configuration", "VAULTKIT_AUTH=ldap"), "TLS": inEnvironment("configuration", "VAULT_SKIP_VERIFY=perhaps")},
	checks.ChooseLogin: {"": func(t *testing.T) setUp {
		return inEnvironment("credentials", roleInVariables(t, "VAULT_SECRET_ID", "")...)(t)
	}},
	checks.VaultLogin:  {"no token": noLogin, "a dead token": deadLogin},
	checks.ProtectFile: {"": openFile},
	checks.UseHTTPS:    {"": wrongScheme},
	checks.UseHTTP: {"": func(*testing.T) setUp {
		return setUp{diagnosis: diagnosis{opts: []vaultkit.Option{at(secureAddress())}}, check: "tls"}
	}},
	checks.ExpectName:      {"": wrongName},
	checks.Unseal:          {"": sealed},
	checks.Unwrap:          {"": wrapped},
	checks.NewToken:        newTokens,
	checks.ReplaceRoot:     {"": func(*testing.T) setUp { return tokenIs("token", vaulttest.Server().RootToken()) }},
	checks.UnlimitedUses:   {"AppRole": roleSetUp("token", object{"token_num_uses": 20}, nil), "Kubernetes": podSetUp("token", object{"token_num_uses": 20}, nil)},
	checks.WritePolicy:     {"": outdatedPolicy},
	checks.AttachPolicy:    attached,
	checks.TokenWithPolicy: {"": readersToken},
	checks.AllowAsking:     {"": roleSetUp("rights:reader", nil, nil, clienttest.Right{Path: "sys/capabilities-self", Capability: "update"})},
	checks.KeepVersions:    {"": deletingSetUp},
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
	checks.StartDev:    nil, // see TestDiagnoseFixStartsADevelopmentServer
	checks.BypassProxy: nil, // see TestDiagnoseFixGoesPastTheProxy
}

// TestDiagnoseFixesHeal runs every fix that is said to heal, as a person would, and has
// what was wrong diagnosed again: it is gone, and nothing else is wrong.
func TestDiagnoseFixesHeal(t *testing.T) {
	tools := fixTools(t)
	for kind, all := range healingFixes {
		for name, arrange := range all {
			t.Run(string(kind)+"/"+name, func(t *testing.T) {
				s := arrange(t)
				before := s.run(t)
				found := before[s.check]
				if found.kind != kind {
					t.Fatalf("%s finds %+v, want a fix to %s", s.check, found, kind)
				}
				fix := found.Fix
				after := s.findingsAfter(t, s.runFix(t, tools, fix), fix)
				if got := after[s.check]; got.Status != s.wanted() {
					t.Errorf("the fix %q leaves %+v", fix, got)
				}
				for check, was := range before {
					if now := after[check]; was.Status == fine && (now.Status == warns || now.Status == fails) {
						t.Errorf("the fix %q makes of %+v\n%+v", fix, was, now)
					}
				}
			})
		}
	}
}

// Every fix has a set-up that shows what it is: one that heals, or one that only shows
// where to look.
func TestDiagnoseFixesAreTested(t *testing.T) {
	for _, kind := range checks.Kinds() {
		_, heals := healingFixes[kind]
		_, looks := lookingFixes[kind]
		if heals != kind.Heals() || looks == heals {
			t.Errorf("a fix to %s: heals %t; set-ups for it: healing %t, looking %t", kind, kind.Heals(), heals, looks)
		}
	}
	if got, want := len(healingFixes)+len(lookingFixes), len(checks.Kinds()); got != want {
		t.Errorf("there are set-ups for %d kinds of fixes, want %d", got, want)
	}
}

func (s setUp) wanted() doctor.Status {
	if s.state == "" {
		return fine
	}
	return s.state
}

// fixTools is a directory with what fixes run: the program, and the tests' vault.
func fixTools(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "vaultkit"), "goblin/vaultkit/cmd/vaultkit").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
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

// command is a line for the shell in which the person is.
func (s setUp) command(t *testing.T, tools, line string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line) //nolint:gosec // what a person would paste
	cmd.Env = append([]string{"PATH=" + tools + ":" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"),
		"VAULT_ADDR=" + vaulttest.Server().Addr(), "VAULT_TOKEN=" + vaulttest.Server().RootToken()}, s.env...)
	cmd.Stdin = strings.NewReader(s.input)
	return cmd
}

// runFix runs a fix, and keeps what it printed and the variables that it left.
func (s setUp) runFix(t *testing.T, tools, fix string) shell {
	t.Helper()
	left := filepath.Join(t.TempDir(), "env")
	if isDoctor(fix) {
		fix += " --json"
	}
	out, err := s.command(t, tools, fix+"\ncode=$?\nenv -0 >"+left+"\nexit $code").Output()
	if err != nil && !isDoctor(fix) { // which may well find something else
		t.Fatalf("%s: %v", fix, err)
	}
	text, err := os.ReadFile(left)
	if err != nil {
		t.Fatalf("os.ReadFile = %v, want no error", err)
	}
	return shell{string(out), strings.Split(string(text), "\x00")}
}

func isDoctor(fix string) bool { return strings.HasPrefix(fix, "vaultkit doctor") }

// findingsAfter is what is found after a fix, or by it.
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
		t.Fatalf("%s printed %q: %v", fix, ran.printed, err)
	}
	found := map[string]doctor.Finding{}
	for _, one := range all {
		found[one.Check] = one
	}
	return found
}

// found is a set-up of options.
func found(check string, opts ...vaultkit.Option) func(*testing.T) setUp {
	return func(*testing.T) setUp { return setUp{diagnosis: diagnosis{opts: opts}, check: check} }
}

// inEnvironment is one of variables, with those of the shell.
func inEnvironment(check string, env ...string) func(*testing.T) setUp {
	return func(*testing.T) setUp {
		all := append([]string{"VAULT_TOKEN=" + vaulttest.Server().RootToken()}, env...)
		return setUp{diagnosis: diagnosis{opts: []vaultkit.Option{variables(all...)}}, check: check, env: env, again: fromShell(doctor.Query{})}
	}
}

// fromShell returns a diagnosis whose settings are the shell's.
func fromShell(query doctor.Query) func(shell) diagnosis {
	return func(ran shell) diagnosis {
		return diagnosis{query: query, opts: []vaultkit.Option{variables(ran.env...)}}
	}
}

// tokenIs is a set-up with a token in a variable; the shell's is the admin's.
func tokenIs(check, token string, roles ...policy.Role) setUp {
	query := doctor.Query{Roles: roles}
	return setUp{diagnosis: diagnosis{query: query, opts: []vaultkit.Option{variables("VAULT_TOKEN=" + token)}}, check: check, again: fromShell(query)}
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
		return tokenIs("token", rawToken(t, api.TokenCreateRequest{Policies: []string{"goblin-reader"}, TTL: "50s", Renewable: &no}))
	},
	"with uses": func(t *testing.T) setUp {
		return tokenIs("token", rawToken(t, api.TokenCreateRequest{Policies: []string{"goblin-reader"}, NumUses: 9}))
	},
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
	if err := os.Chmod(file, 0o644); err != nil { //nolint:gosec // that is what is found
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
	server := vaulttest.Start(t, devvault.Options{})
	if err := server.Seal(t.Context()); err != nil {
		t.Fatalf("Seal = %v, want no error", err)
	}
	s := found("server", at(server.Addr()), vaultkit.WithToken(vaultkit.FromString(server.RootToken())))(t)
	s.env, s.input = []string{"VAULT_ADDR=" + server.Addr()}, server.UnsealKey()+"\n"
	return s
}

func unaudited(t *testing.T) setUp {
	server := vaulttest.Start(t, devvault.Options{})
	if err := vaulttest.RootOf(t, server).Sys().DisableAuditWithContext(t.Context(), "file"); err != nil {
		t.Fatalf("DisableAuditWithContext = %v, want no error", err)
	}
	s := found("audit", at(server.Addr()), vaultkit.WithToken(vaultkit.FromString(server.RootToken())))(t)
	s.env = []string{"VAULT_ADDR=" + server.Addr(), "VAULT_TOKEN=" + server.RootToken()}
	return s
}
