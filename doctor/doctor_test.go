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
	"goblin/vaultkit/doctor"
	"goblin/vaultkit/internal/checks"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/settings"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

// diagnosis holds the arguments of a call of Diagnose. By default, it checks the package's Vault with
// the root token.
type diagnosis struct {
	query doctor.Query
	opts  []vaultkit.Option
	bare  bool // without a login; otherwise with the root token
}

// options returns the options that every diagnosis has, and its own after them.
func (p diagnosis) options() []vaultkit.Option {
	opts := p.opts
	if !p.bare {
		opts = append([]vaultkit.Option{vaultkit.WithToken(vaultkit.FromString(vaulttest.Server().RootToken()))}, opts...)
	}
	return append([]vaultkit.Option{
		vaultkit.WithAddress(vaulttest.Server().Addr()),
		vaultkit.WithTimeouts(vaultkit.Timeouts{Request: time.Minute}),
		clienttest.WithBackoff(clienttest.QuickBackoff), clienttest.WithCheckTimeout(time.Minute),
	}, opts...)
}

// findings returns the findings by check.
func (p diagnosis) findings(t *testing.T) map[string]doctor.Finding {
	t.Helper()
	found := map[string]doctor.Finding{}
	for check, one := range p.run(t) {
		found[check] = one.Finding
	}
	return found
}

// finding is a finding with the kind of its fix.
type finding struct {
	doctor.Finding
	kind checks.Kind
}

// run calls Diagnose, checks what every finding must fulfil, and returns the findings with
// the kinds of their fixes, by check.
func (p diagnosis) run(t *testing.T) map[string]finding {
	t.Helper()
	found, kinds := map[string]finding{}, map[string]checks.Kind{}
	note := clienttest.WithFixFound(func(check, kind string) { kinds[check] = checks.Kind(kind) })
	for one := range doctor.Diagnose(t.Context(), p.query, append([]vaultkit.Option{note}, p.options()...)...) {
		kind := kinds[one.Check]
		text := fmt.Sprintf("%+v %v", one, one.Err)
		for _, secret := range []string{clienttest.Marker, "hvs.", "hvb."} {
			if strings.Contains(text, secret) {
				t.Errorf("Diagnose yielded %s, want no secret", text)
			}
		}
		if _, again := found[one.Check]; again || one.Check == "" || one.Detail == "" {
			t.Errorf("Diagnose yielded %+v, want a check that was not there before, and a detail", one)
		}
		if (one.Err != nil) != (one.Status == doctor.Failed) || one.Fix == "" && (one.Err != nil || one.Status == doctor.Warning) {
			t.Errorf("Diagnose yielded %+v with the error %v, want an error if it failed, and a fix", one, one.Err)
		}
		if (one.Fix != "") != slices.Contains(checks.Kinds(), kind) || one.LookOnly != (one.Fix != "" && !kind.Heals()) {
			t.Errorf("Diagnose yielded %+v with a fix of the kind %q, want LookOnly to say whether it heals", one, kind)
		}
		found[one.Check] = finding{one, kind}
	}
	return found
}

// expected is the finding that one check must yield.
type expected struct {
	check       string
	status      doctor.Status
	kind        error
	detail, fix string // parts of them
}

const (
	fails = doctor.Failed
	warns = doctor.Warning
	skips = doctor.Skipped
	fine  = doctor.OK
)

func (s expected) compare(t *testing.T, found map[string]doctor.Finding) {
	t.Helper()
	got, ok := found[s.check]
	if !ok || got.Status != s.status || !errors.Is(got.Err, s.kind) || !strings.Contains(got.Detail, s.detail) ||
		!strings.Contains(got.Fix, s.fix) {
		t.Errorf("%s: %s %q, fix %q, error %v\nwant %s %q, fix %q, error %v",
			s.check, got.Status, got.Detail, got.Fix, got.Err, s.status, s.detail, s.fix, s.kind)
	}
}

// problems are diagnoses of something that is wrong, and the finding that says so.
type problems map[string]struct {
	make func(t *testing.T) diagnosis
	expected
}

func (all problems) check(t *testing.T) {
	for name, one := range all {
		t.Run(name, func(t *testing.T) {
			found := one.make(t).findings(t)
			one.compare(t, found)
			firstFailure := doctor.Finding{}
			for _, check := range checkNames {
				if f := found[check]; f.Status == fails && firstFailure.Check == "" {
					firstFailure = f
				}
			}
			if one.status == fails && firstFailure.Check != one.check {
				t.Errorf("the first failed finding = %+v, want %s", firstFailure, one.check)
			}
		})
	}
}

// checkNames are the checks, in their order.
var checkNames = []string{"configuration", "credentials", "reach", "tls", "server", "clock", "login", "token", "mount",
	"providers", "names", "rights:reader", "rights:rotator", "excess", "audit", "deletion", "pending"}

// withOptions returns a diagnosis with these options.
func withOptions(opts ...vaultkit.Option) func(*testing.T) diagnosis {
	return func(*testing.T) diagnosis { return diagnosis{opts: opts} }
}

// withQuery returns a diagnosis with this query.
func withQuery(query doctor.Query) func(*testing.T) diagnosis {
	return func(*testing.T) diagnosis { return diagnosis{query: query} }
}

// variables returns an option that reads these variables as the environment.
func variables(pairs ...string) vaultkit.Option {
	return settings.WithEnvironment(func(name string) string {
		for _, pair := range pairs {
			if key, value, _ := strings.Cut(pair, "="); key == name {
				return value
			}
		}
		return ""
	})
}

// withTokenOf returns a diagnosis whose token has this policy and nothing else.
func withTokenOf(policy string, query doctor.Query) func(*testing.T) diagnosis {
	return func(t *testing.T) diagnosis {
		return diagnosis{query: query, opts: []vaultkit.Option{vaultkit.WithToken(vaultkit.FromString(vaulttest.Token(t, policy)))}}
	}
}

func TestDiagnose_FindsNothingWrong(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	query := doctor.Query{Providers: []string{p}, Roles: []policy.Role{policy.Reader, policy.Rotator}}
	found := withTokenOf(vaulttest.Policy(t, "../", "rotator"), query)(t).findings(t)
	for _, check := range checkNames {
		want := fine
		if check == "audit" {
			want = skips // only an operator can list audit devices
		}
		if found[check].Status != want {
			t.Errorf("Diagnose found %+v, want %s %s", found[check], check, want)
		}
	}
	if len(found) != len(checkNames) {
		t.Errorf("Diagnose yielded %d findings, want %d", len(found), len(checkNames))
	}
}

func TestDiagnoseSettings(t *testing.T) {
	problems{
		"no address": {withOptions(vaultkit.WithAddress("")),
			expected{"configuration", fails, vaultkit.ErrInvalid, "no address", "export VAULT_ADDR="}},
		"no URL": {withOptions(vaultkit.WithAddress("vault:8200")),
			expected{"configuration", fails, vaultkit.ErrInvalid, "not a URL", "export VAULT_ADDR="}},
		"a password in it": {withOptions(vaultkit.WithAddress("http://me:" + clienttest.Marker + "@vault:8200")),
			expected{"configuration", fails, vaultkit.ErrInvalid, "remove them", "export VAULT_ADDR="}},
		"no CA file": {withOptions(vaultkit.WithTLS(vaultkit.TLS{CAFile: "/no where/ca.pem"})),
			expected{"configuration", fails, vaultkit.ErrInvalid, "/no where/ca.pem", "ls -l '/no where/ca.pem'"}},
		"mount": {withOptions(vaultkit.WithMount("../sys")),
			expected{"configuration", fails, vaultkit.ErrInvalid, "mount", "vaultkit doctor --mount secret"}},
		"base path": {withOptions(vaultkit.WithBasePath("a//b")),
			expected{"configuration", fails, vaultkit.ErrInvalid, "base path", "vaultkit doctor --base goblin-assistant"}},
		"nil option": {withOptions(nil), expected{"configuration", fails, vaultkit.ErrInvalid, "nil", "vaultkit doctor --help"}},
		"skip verify": {withOptions(variables("VAULT_SKIP_VERIFY=perhaps")),
			expected{"configuration", fails, vaultkit.ErrInvalid, "VAULT_SKIP_VERIFY", "unset VAULT_SKIP_VERIFY"}},
		"login's name": {withOptions(variables("VAULTKIT_AUTH=ldap")),
			expected{"configuration", fails, vaultkit.ErrInvalid, "ldap", "unset VAULTKIT_AUTH"}},
		"provider's name": {withQuery(doctor.Query{Providers: []string{"../p"}}),
			expected{"configuration", fails, vaultkit.ErrInvalid, "provider name", "vaultkit doctor"}},
		"role": {withQuery(doctor.Query{Roles: []policy.Role{clienttest.Marker}}),
			expected{"configuration", fails, vaultkit.ErrInvalid, "the role is none of reader", "vaultkit doctor"}},
	}.check(t)
}

func TestDiagnoseCredentials(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	missing := filepath.Join(t.TempDir(), "missing")
	open, empty := filepath.Join(t.TempDir(), "open"), filepath.Join(t.TempDir(), "empty")
	vaulttest.WriteFile(t, open, vaulttest.Server().RootToken())
	vaulttest.WriteFile(t, empty, "\n")
	if err := os.Chmod(open, 0o644); err != nil { //nolint:gosec // the test looks for this mode
		t.Fatalf("os.Chmod = %v, want no error", err)
	}
	file := func(name string) func(*testing.T) diagnosis {
		return withOptions(vaultkit.WithToken(vaultkit.FromFile(name)))
	}
	problems{
		"no token file":    {file(missing), expected{"credentials", fails, vaultkit.ErrInvalid, missing, "ls -l " + missing}},
		"empty token file": {file(empty), expected{"credentials", fails, vaultkit.ErrInvalid, "is empty", "ls -l " + empty}},
		"token for all":    {file(open), expected{"credentials", warns, nil, "every user", "chmod 600 " + open}},
		"no vault login": {withOptions(vaultkit.WithToken(vaultkit.CLIToken())),
			expected{"credentials", fails, vaultkit.ErrInvalid, ".vault-token", "ls -l"}},
		"no secret id": {withOptions(variables("VAULT_ROLE_ID=fake")),
			expected{"credentials", fails, vaultkit.ErrInvalid, "VAULT_SECRET_ID", "vaultkit setup --approle ROLE --new-secret-id"}},
		"no JWT": {withOptions(variables("VAULTKIT_KUBERNETES_ROLE=goblin", "VAULTKIT_JWT_FILE="+missing)),
			expected{"credentials", fails, vaultkit.ErrInvalid, missing, "ls -l " + missing}},
		"a token in the way": {withOptions(variables("VAULT_TOKEN="+vaulttest.Server().RootToken(), "VAULT_ROLE_ID=fake",
			"VAULT_SECRET_ID=fake")),
			expected{"credentials", warns, nil, "the variables of the approle login are set, too", "export VAULTKIT_AUTH=approle"}},
		"a token that is meant": {withOptions(variables("VAULTKIT_AUTH=token", "VAULT_TOKEN="+vaulttest.Server().RootToken(),
			"VAULT_ROLE_ID=fake")),
			expected{"credentials", fine, nil, "environment VAULT_TOKEN", ""}},
	}.check(t)

	none := map[string]doctor.Finding{}
	for one := range doctor.Diagnose(t.Context(), doctor.Query{}, vaultkit.WithAddress(vaulttest.Server().Addr())) {
		none[one.Check] = one
	}
	expected{"credentials", fails, vaultkit.ErrInvalid, "no login", "vault login"}.compare(t, none)
	expected{"server", fine, nil, "unsealed", ""}.compare(t, none) // this check needs no login
	expected{"token", skips, nil, "credentials failed", ""}.compare(t, none)

	// An option after the environment says which login is meant.
	meant := withOptions(variables("VAULT_TOKEN=fake", "VAULT_ROLE_ID=fake"),
		vaultkit.WithToken(vaultkit.FromString(vaulttest.Server().RootToken())))
	expected{"credentials", fine, nil, "a literal value", ""}.compare(t, meant(t).findings(t))
}

// After a break, Diagnose sends no request.
func TestDiagnose_EndsWithItsLoop(t *testing.T) {
	proxy := clienttest.NewProxy(t)
	for range doctor.Diagnose(t.Context(), doctor.Query{}, vaultkit.WithAddress(proxy.URL())) {
		break
	}
	if log := proxy.Log(); len(log) > 0 {
		t.Errorf("after a break Diagnose sent %v, want no request", log)
	}
}

// When its context ends, the rest is not checked.
func TestDiagnose_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	opts := []vaultkit.Option{vaultkit.WithAddress(vaulttest.Server().Addr()),
		vaultkit.WithToken(vaultkit.FromString(vaulttest.Server().RootToken()))}
	found := map[string]doctor.Finding{}
	for one := range doctor.Diagnose(ctx, doctor.Query{}, opts...) {
		if found[one.Check] = one; one.Check == "login" {
			cancel()
		}
	}
	cancel()
	expected{"login", fine, nil, "", ""}.compare(t, found)
	expected{"token", fails, context.Canceled, "the time is up", ""}.compare(t, found)
	expected{"pending", skips, nil, "the time is up", ""}.compare(t, found)
}

// The requests of Diagnose return no secret and change nothing.
func TestDiagnose_ReadsNoSecret(t *testing.T) {
	proxy, p := clienttest.NewProxy(t), vaulttest.PutProvider(t, clienttest.OldSecret)
	query := doctor.Query{Providers: []string{p}, Roles: policy.Roles()}
	vaulttest.AssertUnchanged(t, p, func() {
		diagnosis{query: query, opts: []vaultkit.Option{vaultkit.WithAddress(proxy.URL())}}.findings(t)
	})
	for _, r := range proxy.Log() {
		reads := r.Method == http.MethodGet && !strings.Contains(r.Path, "/data/")
		asks := strings.HasSuffix(r.Path, "sys/capabilities-self")
		if !reads && !asks {
			t.Errorf("Diagnose sent %s %s, want reads of metadata and capability queries alone", r.Method, r.Path)
		}
	}
	if len(proxy.Log()) < 10 {
		t.Errorf("Diagnose sent %d requests, want at least 10", len(proxy.Log()))
	}
}
