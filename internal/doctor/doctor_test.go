package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/doctor"
	"goblin/vaultkit/internal/vaulttest"
)

// patient is what Diagnose is asked to look at, by default the package's Vault as
// root.
type patient struct {
	query vaultkit.DiagnoseQuery
	opts  []vaultkit.Option
	bare  bool // without a login; otherwise root's
}

// options are the patient's, after what any has.
func (p patient) options() []vaultkit.Option {
	opts := p.opts
	if !p.bare {
		opts = append([]vaultkit.Option{vaultkit.WithToken(vaultkit.Value(vaulttest.Server().RootToken()))}, opts...)
	}
	return append([]vaultkit.Option{
		vaultkit.WithAddress(vaulttest.Server().Addr()),
		clienttest.WithBackoff(clienttest.QuickBackoff), vaultkit.WithTimeouts(vaultkit.Timeouts{Request: time.Minute}), clienttest.WithCheckBound(time.Minute),
	}, opts...)
}

func (p patient) diagnose(t *testing.T) map[string]vaultkit.Finding {
	t.Helper()
	found := map[string]vaultkit.Finding{}
	for check, one := range p.examine(t) {
		found[check] = one.Finding
	}
	return found
}

// finding is one with the kind of its fix.
type finding struct {
	vaultkit.Finding
	kind doctor.Kind
}

// examine is diagnose, with the kinds of the fixes.
func (p patient) examine(t *testing.T) map[string]finding {
	t.Helper()
	examined, kinds := map[string]finding{}, map[string]doctor.Kind{}
	note := clienttest.WithFixFound(func(check, kind string) { kinds[check] = doctor.Kind(kind) })
	for one := range vaultkit.Diagnose(t.Context(), p.query, append([]vaultkit.Option{note}, p.options()...)...) {
		kind := kinds[one.Check]
		if text := fmt.Sprintf("%+v %v", one, one.Err); strings.Contains(text, clienttest.Marker) || strings.Contains(text, "hvs.") || strings.Contains(text, "hvb.") {
			t.Errorf("a secret is said: %s", text)
		}
		if _, again := examined[one.Check]; again || one.Check == "" || one.Detail == "" {
			t.Errorf("finding %+v", one)
		}
		if (one.Err != nil) != (one.Status == vaultkit.FindingFailed) || one.Fix == "" && (one.Err != nil || one.Status == vaultkit.FindingWarning) {
			t.Errorf("finding %+v, error %v", one, one.Err)
		}
		if (one.Fix != "") != slices.Contains(doctor.Kinds(), kind) || one.LookOnly != (one.Fix != "" && !kind.Heals()) {
			t.Errorf("finding %+v has a fix of the kind %q", one, kind)
		}
		examined[one.Check] = finding{one, kind}
	}
	return examined
}

// symptom is what one check is to find.
type symptom struct {
	check       string
	status      vaultkit.FindingStatus
	kind        error
	detail, fix string // parts of them
}

const (
	fails = vaultkit.FindingFailed
	warns = vaultkit.FindingWarning
	skips = vaultkit.FindingSkipped
	fine  = vaultkit.FindingOK
)

func (s symptom) shows(t *testing.T, found map[string]vaultkit.Finding) {
	t.Helper()
	got, ok := found[s.check]
	if !ok || got.Status != s.status || !errors.Is(got.Err, s.kind) || !strings.Contains(got.Detail, s.detail) || !strings.Contains(got.Fix, s.fix) {
		t.Errorf("%s: %s %q, fix %q, error %v\nwant %s %q, fix %q, error %v",
			s.check, got.Status, got.Detail, got.Fix, got.Err, s.status, s.detail, s.fix, s.kind)
	}
}

// ill are set-ups in which something is wrong, and what shows it.
type ill map[string]struct {
	make func(t *testing.T) patient
	symptom
}

func (all ill) examine(t *testing.T) {
	for name, one := range all {
		t.Run(name, func(t *testing.T) {
			found := one.make(t).diagnose(t)
			one.shows(t, found)
			firstFailure := vaultkit.Finding{}
			for _, check := range checks {
				if f := found[check]; f.Status == fails && firstFailure.Check == "" {
					firstFailure = f
				}
			}
			if one.status == fails && firstFailure.Check != one.check {
				t.Errorf("the first to fail is %+v", firstFailure)
			}
		})
	}
}

var checks = []string{"configuration", "credentials", "reach", "tls", "server", "clock", "login", "token", "mount", "providers", "names",
	"rights:reader", "rights:rotator", "excess", "audit", "deletion", "pending"}

// with is a patient with these options.
func with(opts ...vaultkit.Option) func(*testing.T) patient {
	return func(*testing.T) patient { return patient{opts: opts} }
}

// asked is a patient about which something else is asked.
func asked(query vaultkit.DiagnoseQuery) func(*testing.T) patient {
	return func(*testing.T) patient { return patient{query: query} }
}

// variables are an environment of nothing else.
func variables(pairs ...string) vaultkit.Option {
	return vaultkit.FromLookup(func(name string) string {
		for _, pair := range pairs {
			if key, value, _ := strings.Cut(pair, "="); key == name {
				return value
			}
		}
		return ""
	})
}

// holding is a patient whose token has the policy and nothing else.
func holding(policy string, query vaultkit.DiagnoseQuery) func(*testing.T) patient {
	return func(t *testing.T) patient {
		return patient{query: query, opts: []vaultkit.Option{vaultkit.WithToken(vaultkit.Value(vaulttest.Token(t, policy)))}}
	}
}

func TestDiagnoseHealthy(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	query := vaultkit.DiagnoseQuery{Providers: []string{p}, Roles: []vaultkit.Role{vaultkit.RoleReader, vaultkit.RoleRotator}}
	found := holding(vaulttest.Policy(t, "../../", "rotator"), query)(t).diagnose(t)
	for _, check := range checks {
		want := fine
		if check == "audit" {
			want = skips // only an operator may look
		}
		if found[check].Status != want {
			t.Errorf("%+v, want %s", found[check], want)
		}
	}
	if len(found) != len(checks) {
		t.Errorf("%d findings, want %d", len(found), len(checks))
	}
}

func TestDiagnoseSettings(t *testing.T) {
	ill{
		"no address":       {with(vaultkit.WithAddress("")), symptom{"configuration", fails, vaultkit.ErrInvalid, "no address", "export VAULT_ADDR="}},
		"no URL":           {with(vaultkit.WithAddress("vault:8200")), symptom{"configuration", fails, vaultkit.ErrInvalid, "not a URL", "export VAULT_ADDR="}},
		"a password in it": {with(vaultkit.WithAddress("http://me:" + clienttest.Marker + "@vault:8200")), symptom{"configuration", fails, vaultkit.ErrInvalid, "leave them out", "export VAULT_ADDR="}},
		"no CA file":       {with(vaultkit.WithTLS(vaultkit.TLS{CAFile: "/no where/ca.pem"})), symptom{"configuration", fails, vaultkit.ErrInvalid, "/no where/ca.pem", "ls -l '/no where/ca.pem'"}},
		"mount":            {with(vaultkit.WithMount("../sys")), symptom{"configuration", fails, vaultkit.ErrInvalid, "mount", "vaultkit doctor --mount secret"}},
		"base path":        {with(vaultkit.WithBasePath("a//b")), symptom{"configuration", fails, vaultkit.ErrInvalid, "base path", "vaultkit doctor --base goblin-assistant"}},
		"nil option":       {with(nil), symptom{"configuration", fails, vaultkit.ErrInvalid, "nil", "vaultkit doctor --help"}},
		"skip verify":      {with(variables("VAULT_SKIP_VERIFY=perhaps")), symptom{"configuration", fails, vaultkit.ErrInvalid, "VAULT_SKIP_VERIFY", "unset VAULT_SKIP_VERIFY"}},
		"login's name":     {with(variables("VAULTKIT_AUTH=ldap")), symptom{"configuration", fails, vaultkit.ErrInvalid, "ldap", "unset VAULTKIT_AUTH"}},
		"provider's name":  {asked(vaultkit.DiagnoseQuery{Providers: []string{"../p"}}), symptom{"configuration", fails, vaultkit.ErrInvalid, "provider name", "vaultkit doctor"}},
		"role":             {asked(vaultkit.DiagnoseQuery{Roles: []vaultkit.Role{clienttest.Marker}}), symptom{"configuration", fails, vaultkit.ErrInvalid, "the role is none of reader", "vaultkit doctor"}},
	}.examine(t)
}

func TestDiagnoseCredentials(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	missing := filepath.Join(t.TempDir(), "missing")
	open, empty := filepath.Join(t.TempDir(), "open"), filepath.Join(t.TempDir(), "empty")
	vaulttest.WriteFile(t, open, vaulttest.Server().RootToken())
	vaulttest.WriteFile(t, empty, "\n")
	if err := os.Chmod(open, 0o644); err != nil { //nolint:gosec // that is what is found
		t.Fatal(err)
	}
	file := func(name string) func(*testing.T) patient { return with(vaultkit.WithToken(vaultkit.File(name))) }
	ill{
		"no token file":    {file(missing), symptom{"credentials", fails, vaultkit.ErrInvalid, missing, "ls -l " + missing}},
		"empty token file": {file(empty), symptom{"credentials", fails, vaultkit.ErrInvalid, "is empty", "ls -l " + empty}},
		"token for all":    {file(open), symptom{"credentials", warns, nil, "every user", "chmod 600 " + open}},
		"no vault login":   {with(vaultkit.WithToken(vaultkit.CLIToken())), symptom{"credentials", fails, vaultkit.ErrInvalid, ".vault-token", "ls -l"}},
		"no secret id":     {with(variables("VAULT_ROLE_ID=fake")), symptom{"credentials", fails, vaultkit.ErrInvalid, "VAULT_SECRET_ID", "secret-id"}},
		"no JWT": {with(variables("VAULTKIT_KUBERNETES_ROLE=goblin", "VAULTKIT_JWT_FILE="+missing)),
			symptom{"credentials", fails, vaultkit.ErrInvalid, missing, "ls -l " + missing}},
		"a token in the way": {with(variables("VAULT_TOKEN="+vaulttest.Server().RootToken(), "VAULT_ROLE_ID=fake", "VAULT_SECRET_ID=fake")),
			symptom{"credentials", warns, nil, "wins over the approle login", "export VAULTKIT_AUTH=approle"}},
		"a token that is meant": {with(variables("VAULTKIT_AUTH=token", "VAULT_TOKEN="+vaulttest.Server().RootToken(), "VAULT_ROLE_ID=fake")),
			symptom{"credentials", fine, nil, "environment VAULT_TOKEN", ""}},
	}.examine(t)

	none := map[string]vaultkit.Finding{}
	for one := range vaultkit.Diagnose(t.Context(), vaultkit.DiagnoseQuery{}, vaultkit.WithAddress(vaulttest.Server().Addr())) {
		none[one.Check] = one
	}
	symptom{"credentials", fails, vaultkit.ErrInvalid, "no login", "vault login"}.shows(t, none)
	symptom{"server", fine, nil, "unsealed", ""}.shows(t, none) // what can be looked at without is
	symptom{"token", skips, nil, "credentials failed", ""}.shows(t, none)

	// An option after the environment leaves no doubt which login is meant.
	meant := with(variables("VAULT_TOKEN=fake", "VAULT_ROLE_ID=fake"), vaultkit.WithToken(vaultkit.Value(vaulttest.Server().RootToken())))
	symptom{"credentials", fine, nil, "a literal value", ""}.shows(t, meant(t).diagnose(t))
}

// A loop that is left ends it: nothing is asked any more.
func TestDiagnoseEndsWithItsLoop(t *testing.T) {
	proxy := clienttest.NewProxy(t)
	for range vaultkit.Diagnose(t.Context(), vaultkit.DiagnoseQuery{}, vaultkit.WithAddress(proxy.URL())) {
		break
	}
	if log := proxy.Log(); len(log) > 0 {
		t.Errorf("requests %v", log)
	}
}

// When the time is up, or the caller has gone, the rest is not looked at.
func TestDiagnoseEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	opts := []vaultkit.Option{vaultkit.WithAddress(vaulttest.Server().Addr()), vaultkit.WithToken(vaultkit.Value(vaulttest.Server().RootToken()))}
	found := map[string]vaultkit.Finding{}
	for one := range vaultkit.Diagnose(ctx, vaultkit.DiagnoseQuery{}, opts...) {
		if found[one.Check] = one; one.Check == "login" {
			cancel()
		}
	}
	cancel()
	symptom{"login", fine, nil, "", ""}.shows(t, found)
	symptom{"token", fails, context.Canceled, "the time is up", ""}.shows(t, found)
	symptom{"pending", skips, nil, "the time is up", ""}.shows(t, found)
}

// It asks only what shows no secret and changes nothing.
func TestDiagnoseReadsNoSecret(t *testing.T) {
	proxy, p := clienttest.NewProxy(t), vaulttest.PutProvider(t, clienttest.OldSecret)
	query := vaultkit.DiagnoseQuery{Providers: []string{p}, Roles: vaultkit.Roles()}
	vaulttest.AssertUnchanged(t, p, func() { patient{query: query, opts: []vaultkit.Option{vaultkit.WithAddress(proxy.URL())}}.diagnose(t) })
	for _, r := range proxy.Log() {
		reads := r.Method == http.MethodGet && !strings.Contains(r.Path, "/data/")
		asks := strings.HasSuffix(r.Path, "sys/capabilities-self")
		if !reads && !asks {
			t.Errorf("%s %s", r.Method, r.Path)
		}
	}
	if len(proxy.Log()) < 10 {
		t.Errorf("only %d requests", len(proxy.Log()))
	}
}
