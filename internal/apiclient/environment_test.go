package apiclient_test

import (
	"errors"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// shortWait limits how long New retries to connect.
const shortWait = 300 * time.Millisecond

func TestMain(m *testing.M) { vaulttest.Main(m) }

// variable describes a variable that the official client reads: a valid value, an invalid
// one, and one that names another server. The wants are the results of New with
// FromEnvironment.
type variable struct {
	valid, broken, astray             string
	wantValid, wantBroken, wantAstray error
}

// tlsVault is a Vault behind TLS, and the files that its clients need.
type tlsVault struct {
	address, dir, ca string
}

func newTLSVault(t *testing.T, needClientCert bool) tlsVault {
	t.Helper()
	proxy, identity, err := faultproxy.NewTLS(vaulttest.Server().Addr(), needClientCert)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			t.Error(err)
		}
	})
	s := tlsVault{proxy.URL(), t.TempDir(), string(identity.CA)}
	for name, content := range map[string][]byte{"ca/ca.pem": identity.CA, "cert.pem": identity.ClientCert, "key.pem": identity.ClientKey} {
		s.write(t, name, string(content))
	}
	return s
}

func (s tlsVault) file(name string) string { return filepath.Join(s.dir, name) }

func (s tlsVault) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.file(name)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.file(name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// variables returns all variables that the official client reads.
func variables(t *testing.T, vault, other tlsVault) map[string]variable {
	t.Helper()
	unread := func(valid, broken, astray string) variable {
		return variable{valid: valid, broken: broken, astray: astray}
	}
	invalid, down, out := vaultkit.ErrInvalid, vaultkit.ErrUnavailable, vaultkit.ErrUnauthenticated
	var elsewhere error // Vault's community edition ignores a namespace
	if vaulttest.OpenBao() {
		elsewhere = vaultkit.ErrMountNotFound
	}
	return map[string]variable{
		"VAULT_ADDR":            {vault.address, "%%%", "https://127.0.0.1:1", nil, invalid, down},
		"VAULT_CACERT":          {vault.file("ca/ca.pem"), "/nowhere/ca.pem", other.file("ca/ca.pem"), nil, invalid, down},
		"VAULT_CACERT_BYTES":    {vault.ca, "junk", other.ca, nil, invalid, down},
		"VAULT_CAPATH":          {vault.file("ca"), "/nowhere", other.file("ca"), nil, invalid, down},
		"VAULT_CLIENT_CERT":     {vault.file("cert.pem"), "/nowhere/cert.pem", other.file("cert.pem"), nil, invalid, invalid},
		"VAULT_CLIENT_KEY":      {vault.file("key.pem"), "/nowhere/key.pem", other.file("key.pem"), nil, invalid, invalid},
		"VAULT_TLS_SERVER_NAME": {"vault.test", "no name at all", "elsewhere.test", nil, down, down},
		"VAULT_SKIP_VERIFY":     {"true", "yes", "false", nil, invalid, nil},
		"VAULT_NAMESPACE":       {"root", "line\nbreak", "elsewhere", nil, invalid, elsewhere},
		"VAULT_TOKEN":           {vaulttest.Server().RootToken(), "two\nlines", "fake-token", nil, invalid, out},

		"VAULT_AGENT_ADDR":        unread(vault.address, "%%%", "http://127.0.0.1:1"),
		"VAULT_CLIENT_TIMEOUT":    unread("60s", "abc", "1ns"),
		"VAULT_HEADERS":           unread(`{"X-Fake":"y"}`, "x", `{"X-Vault-Token":"fake"}`),
		"VAULT_SRV_LOOKUP":        unread("false", "junk", "true"),
		"VAULT_WRAP_TTL":          unread("", "x", "5m"),
		"VAULT_MAX_RETRIES":       unread("2", "-1", "0"),
		"VAULT_MFA":               unread("", "x", "method:123456"),
		"VAULT_RATE_LIMIT":        unread("10:10", "x", "0.0001:1"),
		"VAULT_HTTP_PROXY":        unread("", "%%%", "http://127.0.0.1:1"),
		"VAULT_PROXY_ADDR":        unread("", "%%%", "http://127.0.0.1:1"),
		"VAULT_DISABLE_REDIRECTS": unread("false", "x", "true"),
		// These are for plugins, and for parsing HCL.
		"VAULT_PLUGIN_AUTOMTLS_ENABLED":                        unread("true", "x", "false"),
		"VAULT_PLUGIN_METADATA_MODE":                           unread("true", "x", "false"),
		"VAULT_UNWRAP_TOKEN":                                   unread("fake-token", "x", "y"),
		"VAULT_ALLOW_PENDING_REMOVAL_DUPLICATE_HCL_ATTRIBUTES": unread("true", "x", "false"),
	}
}

// TestNew_IgnoresTheEnvironment checks that no variable of the official client has an
// effect without FromEnvironment.
func TestNew_IgnoresTheEnvironment(t *testing.T) {
	vault, other := newTLSVault(t, true), newTLSVault(t, true)
	for name, v := range variables(t, vault, other) {
		for kind, value := range map[string]string{"valid": v.valid, "broken": v.broken, "astray": v.astray} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Setenv(name, value)
				client, err := vaultkit.New(t.Context(), vaultkit.WithAddress(vault.address), vaultkit.WithToken(vaultkit.FromString(vaulttest.Server().RootToken())),
					vaultkit.WithTLS(vaultkit.TLS{CAFile: vault.file("ca/ca.pem"), CertFile: vault.file("cert.pem"), KeyFile: vault.file("key.pem")}))
				if err != nil {
					t.Fatalf("New with %s=%q = %v, want no error", name, value, err)
				}
				defer client.Close()
				if _, err := client.Providers(t.Context()); err != nil {
					t.Errorf("Providers with %s=%q = %v, want no error", name, value, err)
				}
				if got := client.Vault().Address(); got != vault.address {
					t.Errorf("with %s=%q the address is %q, want %q", name, value, got, vault.address)
				}
				if got := client.Vault().Namespace(); got != "" {
					t.Errorf("with %s=%q the namespace is %q, want none", name, value, got)
				}
			})
		}
	}
}

func TestFromEnvironment_ReadsOnlyItsVariables(t *testing.T) {
	vault, other := newTLSVault(t, true), newTLSVault(t, true)
	for name, v := range variables(t, vault, other) {
		for kind, tc := range map[string]struct {
			value string
			want  error
		}{"valid": {v.valid, v.wantValid}, "broken": {v.broken, v.wantBroken}, "astray": {v.astray, v.wantAstray}} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Setenv("VAULT_ADDR", vault.address)
				t.Setenv("VAULT_TOKEN", vaulttest.Server().RootToken())
				t.Setenv("VAULT_CLIENT_CERT", vault.file("cert.pem"))
				t.Setenv("VAULT_CLIENT_KEY", vault.file("key.pem"))
				if !strings.HasPrefix(name, "VAULT_CA") {
					t.Setenv("VAULT_CACERT", vault.file("ca/ca.pem"))
				}
				t.Setenv(name, tc.value)
				var timeouts vaultkit.Timeouts
				if tc.want != nil {
					timeouts.Start = shortWait
				}
				client, err := vaultkit.New(t.Context(), vaultkit.WithEnvironment(), vaultkit.WithTimeouts(timeouts))
				if err == nil {
					client.Close()
				}
				if !errors.Is(err, tc.want) || err != nil && tc.want == nil {
					t.Errorf("New with %s=%q = %v, want %v", name, tc.value, err, tc.want)
				}
			})
		}
	}
}

// TestVariables_AreComplete checks the list, because a newer official client may read more
// variables.
func TestVariables_AreComplete(t *testing.T) {
	known := variables(t, tlsVault{}, tlsVault{})
	found := officialVariables(t)
	for name := range found {
		if _, ok := known[name]; !ok {
			t.Errorf("the official client reads %s, want it in variables", name)
		}
	}
	for name := range known {
		if !found[name] {
			t.Errorf("the official client does not read %s, want it removed from variables", name)
		}
	}
}

// officialVariables returns the variable names in the official client's source.
func officialVariables(t *testing.T) map[string]bool {
	t.Helper()
	official, err := build.Import("github.com/hashicorp/vault/api", ".", build.FindOnly)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	err = filepath.WalkDir(official.Dir, func(path string, entry fs.DirEntry, err error) error {
		if entry.IsDir() && path != official.Dir {
			return filepath.SkipDir
		}
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				text, _ := strconv.Unquote(literal.Value)
				if rest, ok := strings.CutPrefix(text, "VAULT_"); ok && strings.Trim(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == "" {
					found[text] = true
				}
			}
			return true
		})
		return nil
	})
	if err != nil || len(found) < 10 {
		t.Fatalf("officialVariables finds %d variables, %v, want more", len(found), err)
	}
	return found
}
