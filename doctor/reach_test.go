package doctor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/realvault"
	"goblin/vaultkit/internal/vaulttest"
)

func at(address string) vaultkit.Option { return vaultkit.WithAddress(address) }

// faulty returns a diagnosis whose requests for the server's health meet a fault.
func faulty(fault faultproxy.Action) func(*testing.T) diagnosis {
	return ruled(faultproxy.OnEvery("", "sys/health", fault))
}

// ruled returns a diagnosis whose requests pass a fault proxy with this rule.
func ruled(rule faultproxy.Rule) func(*testing.T) diagnosis {
	return func(t *testing.T) diagnosis {
		proxy := clienttest.NewProxy(t)
		proxy.SetRule(rule)
		return diagnosis{opts: []vaultkit.Option{at(proxy.URL())}}
	}
}

// silent is a diagnosis whose server does not respond to requests for its health, and whose checks
// end after 300 ms.
func silent(t *testing.T) diagnosis {
	t.Helper()
	p := faulty(faultproxy.Hang())(t)
	p.opts = append(p.opts, vaultkit.WithTimeouts(vaultkit.Timeouts{Request: 300 * time.Millisecond}))
	return p
}

// Diagnose and New recognize a token that has ended, even if the server responds in the same way to a
// missing right, as OpenBao does since version 2.6.
func TestDiagnose_RecognizesAnEndedToken(t *testing.T) {
	sameText := faultproxy.OnEvery("", "", faultproxy.DenySameText())
	closed := faultproxy.When(func(r faultproxy.Request) bool { return r.Path == "sys/internal/ui/mounts" },
		faultproxy.Error(404, "no page", false)) // a proxy allows fewer paths
	holding := func(credential vaultkit.Credential, rules ...faultproxy.Rule) func(*testing.T) diagnosis {
		return func(t *testing.T) diagnosis {
			p := ruled(faultproxy.Rules(append(rules, sameText)...))(t)
			p.opts = append(p.opts, vaultkit.WithToken(credential))
			return p
		}
	}
	ended := holding(vaultkit.FromString(clienttest.Marker))
	shy := holding(vaultkit.FromString(vaulttest.Token(t, `path "secret/data/*" { capabilities = ["read"] }`)))
	problems{
		"ended": {ended, expected{"login", fails, vaultkit.ErrUnauthenticated, "does not know the token", "vault token create"}},
		"ended, and nothing shows it": {holding(vaultkit.FromString(clienttest.Marker), closed), expected{"token", fails,
			vaultkit.ErrUnauthenticated, "the token has ended, or has no right", "vault token create"}},
		"may not look itself up": {shy, expected{"token", warns, nil, "may not look itself up", "vaultkit policy reader"}},
	}.check(t)
	if _, err := vaultkit.New(t.Context(), ended(t).opts...); !errors.Is(err, vaultkit.ErrUnauthenticated) {
		t.Errorf("New with a token that has ended = %v, want ErrUnauthenticated", err)
	}
	client, err := vaultkit.New(t.Context(), shy(t).opts...)
	if err != nil {
		t.Fatalf("New with a token that may not look itself up = %v, want no error", err)
	}
	defer client.Close()
	if _, err := client.Providers(t.Context()); !errors.Is(err, vaultkit.ErrPermissionDenied) {
		t.Errorf("Providers without the right = %v, want ErrPermissionDenied", err)
	}
}

// answersHealth returns a diagnosis whose server reports this as its health.
func answersHealth(format string, args ...any) func(*testing.T) diagnosis {
	return faulty(faultproxy.Error(299, `{"version":"1.21.2",`+fmt.Sprintf(format, args...)+`}`, false))
}

// clockOff returns a diagnosis of a server whose clock is off.
func clockOff(by time.Duration) func(*testing.T) diagnosis {
	return ruled(func(r faultproxy.Request) faultproxy.Action {
		if !strings.Contains(r.Path, "sys/health") {
			return faultproxy.Pass
		}
		return faultproxy.Error(299, fmt.Sprintf(`{"version":"1.21.2","initialized":true,"server_time_utc":%d}`,
			time.Now().Add(by).Unix()), false)
	})
}

// trip is a transport.
type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// swallowed is a transport whose connections are never made.
func swallowed(http.RoundTripper) http.RoundTripper {
	return trip(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
}

// deserted is a transport whose connections are refused.
func deserted(http.RoundTripper) http.RoundTripper {
	return trip(func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	})
}

// elsewhere sends all requests to the package's Vault.
func elsewhere(next http.RoundTripper) http.RoundTripper {
	return ending(vaulttest.Server().Addr())(next)
}

// ending sends all requests to the server at a URL.
func ending(url string) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		return trip(func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			_, r.URL.Host, _ = strings.Cut(url, "://")
			return next.RoundTrip(r)
		})
	}
}

func TestDiagnoseReach(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }))
	defer page.Close()
	problems{
		"no such name": {withOptions(at("http://no..such.test:8200")),
			expected{"reach", fails, vaultkit.ErrUnavailable, `"no..such.test" cannot be resolved`, "nslookup no..such.test"}},
		"refused": {withOptions(at("http://127.0.0.1:1")),
			expected{"reach", fails, vaultkit.ErrUnavailable, "connection refused: nothing listens at 127.0.0.1:1", "vaultkit dev --port 1"}},
		"refused, says why": {withOptions(at("http://localhost:1")),
			expected{"reach", fails, vaultkit.ErrUnavailable, "; check VAULT_ADDR, or start a Vault for development there",
				"vaultkit dev --port 1"}},
		"refused by HTTPS": {withOptions(at("https://127.0.0.1:1")),
			expected{"reach", fails, vaultkit.ErrUnavailable, ": check VAULT_ADDR", "curl -v"}},
		"refused elsewhere": {withOptions(at("http://vault.test:8200"), vaultkit.WithTransport(deserted)),
			expected{"reach", fails, vaultkit.ErrUnavailable, "nothing listens at vault.test:8200: check VAULT_ADDR",
				"curl -v --max-time 5 http://vault.test:8200/v1/sys/health"}},
		"swallowed": {withOptions(at("http://vault.test:8200"), vaultkit.WithTransport(swallowed),
			vaultkit.WithTimeouts(vaultkit.Timeouts{Request: 50 * time.Millisecond})),
			expected{"reach", fails, vaultkit.ErrUnavailable, "no connection to vault.test:8200 within 50ms",
				"curl -v --max-time 5 http://vault.test:8200/v1/sys/health"}},
		"no answer": {silent, expected{"reach", fails, vaultkit.ErrUnavailable, "does not respond within 300ms", "curl -v"}},
		"cut off":   {faulty(faultproxy.Refuse()), expected{"reach", fails, vaultkit.ErrUnavailable, "reset", "curl -v"}},
		"web page":  {withOptions(at(page.URL)), expected{"server", fails, vaultkit.ErrUnavailable, "not a working Vault", "curl -v"}},
		"no backend": {faulty(faultproxy.Error(502, clienttest.Marker, false)),
			expected{"server", fails, vaultkit.ErrUnavailable, "HTTP 502", "curl -v"}},
		"plain HTTP": {withOptions(at("http://vault.test:8200"), vaultkit.WithTransport(elsewhere)),
			expected{"tls", warns, nil, "everyone on the network can read", "vaultkit doctor --address https://vault.test:8200"}},
	}.check(t)
}

// Each check has a timeout, so a server that does not respond delays Diagnose only that long.
func TestDiagnose_EndsWithoutAResponse(t *testing.T) {
	started := time.Now()
	silent(t).findings(t)
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("Diagnose took %s, want at most 10 s", took)
	}
}

func TestDiagnoseTLS(t *testing.T) {
	plain, dir := clienttest.NewTLSProxy(t, false)
	named, namedDir := clienttest.NewTLSProxy(t, false, "vault.test")
	mutual, mutualDir := clienttest.NewTLSProxy(t, true)
	old, oldCA := frontUntil(t, time.Now().Add(-time.Hour))
	lasting, lastingCA := frontUntil(t, time.Now().Add(30*24*time.Hour))
	trusting := func(url, ca string) func(*testing.T) diagnosis {
		return withOptions(at(url), vaultkit.WithTLS(vaultkit.TLS{CAFile: ca}))
	}
	swap := func(url, from, to string) string { return strings.Replace(url, from, to, 1) }
	problems{
		"HTTP to HTTPS": {withOptions(at(swap(plain.URL(), "https", "http"))),
			expected{"tls", fails, vaultkit.ErrUnavailable, "speaks HTTPS", "vaultkit doctor --address " + plain.URL()}},
		"HTTPS to HTTP": {withOptions(at(swap(vaulttest.Server().Addr(), "http", "https"))),
			expected{"tls", fails, vaultkit.ErrUnavailable, "does not speak HTTPS", "vaultkit doctor --address " + vaulttest.Server().Addr()}},
		"unknown CA": {withOptions(at(plain.URL())),
			expected{"tls", fails, vaultkit.ErrUnavailable, "fault proxy test authority", "vaultkit doctor --ca-cert ca.pem"}},
		"another CA": {trusting(plain.URL(), namedDir+"/ca/ca.pem"),
			expected{"tls", fails, vaultkit.ErrUnavailable, "not trusted here", "--ca-cert"}},
		"another name": {trusting(named.URL(), namedDir+"/ca/ca.pem"),
			expected{"tls", fails, vaultkit.ErrUnavailable, "is for vault.test, not for 127.0.0.1", "vaultkit doctor --tls-server-name vault.test"}},
		"another name, elsewhere": {withOptions(at("https://10.9.8.7:8200"), vaultkit.WithTransport(ending(named.URL())),
			vaultkit.WithTLS(vaultkit.TLS{CAFile: namedDir + "/ca/ca.pem"})),
			expected{"tls", fails, vaultkit.ErrUnavailable, "is for vault.test, not for 127.0.0.1: check VAULT_ADDR",
				"openssl s_client -connect 10.9.8.7:8200"}},
		"HTTPS to HTTP, elsewhere": {withOptions(at("https://vault.test:8200"), vaultkit.WithTransport(elsewhere)),
			expected{"tls", fails, vaultkit.ErrUnavailable, "does not speak HTTPS: the address says https://; check VAULT_ADDR",
				"curl -v --max-time 5 https://vault.test:8200"}},
		"expired": {trusting(old, oldCA),
			expected{"tls", fails, vaultkit.ErrUnavailable, "the certificate is valid from ", "openssl s_client -connect"}},
		"client's own": {trusting(mutual.URL(), mutualDir+"/ca/ca.pem"),
			expected{"tls", fails, vaultkit.ErrUnavailable, "client certificate", "--client-cert client.pem --client-key client-key.pem"}},
		"ends soon": {trusting(plain.URL(), dir+"/ca/ca.pem"),
			expected{"tls", warns, nil, "127.0.0.1 is valid until 20", "openssl s_client -connect"}},
		"unverified": {withOptions(at(plain.URL()), vaultkit.WithTLS(vaultkit.TLS{SkipVerify: true})),
			expected{"tls", warns, nil, "unset VAULT_SKIP_VERIFY", "env -u VAULT_SKIP_VERIFY vaultkit doctor"}},
		"nothing wrong": {trusting(lasting, lastingCA), expected{"tls", fine, nil, "TLS 1.3, the certificate of vault.test, 127.0.0.1", ""}},
	}.check(t)
}

// frontUntil starts a TLS server in front of the package's Vault, whose certificate ends then. It
// returns the URL and the file with the certificate of the CA.
func frontUntil(t *testing.T, end time.Time) (url, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("GenerateKey = %v, want no error", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "front"}, IsCA: true, BasicConstraintsValid: true,
		DNSNames: []string{"vault.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: end.Add(-60 * 24 * time.Hour), NotAfter: end,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatalf("x509.CreateCertificate = %v, want no error", err)
	}
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		response, err := http.Get(vaulttest.Server().Addr() + r.URL.String()) //nolint:noctx // the health of Vault
		if err != nil {
			t.Errorf("http.Get = %v, want no error", err)
			return
		}
		defer response.Body.Close()
		io.Copy(w, response.Body)
	}))
	front.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	front.StartTLS()
	t.Cleanup(func() { front.Close(); http.DefaultClient.CloseIdleConnections() })
	ca = filepath.Join(t.TempDir(), "ca.pem")
	vaulttest.WriteFile(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return front.URL, ca
}

func TestDiagnoseServer(t *testing.T) {
	sealed := vaulttest.Start(t)
	if err := sealed.Seal(t.Context()); err != nil {
		t.Fatalf("Seal = %v, want no error", err)
	}
	problems{
		"sealed": {withOptions(at(sealed.Addr())), expected{"server", fails, vaultkit.ErrSealed, "sealed", "vault operator unseal"}},
		"not initialized": {answersHealth(`"initialized":false,"sealed":true`),
			expected{"server", fails, vaultkit.ErrUnavailable, "not initialized", "vault status"}},
		"secondary": {answersHealth(`"initialized":true,"replication_dr_mode":"secondary"`),
			expected{"server", fails, vaultkit.ErrUnavailable, "secondary", "export VAULT_ADDR="}},
		"not Vault": {faulty(faultproxy.Error(200, `{"status":"up"}`, false)),
			expected{"server", fails, vaultkit.ErrUnavailable, "not Vault", "curl -v"}},
		"standby": {answersHealth(`"initialized":true,"standby":true`), expected{"server", fine, nil, "standby that hands", ""}},
		"performance standby": {answersHealth(`"initialized":true,"standby":true,"performance_standby":true`),
			expected{"server", fine, nil, "performance standby", ""}},
		"clock ahead":          {clockOff(-150 * time.Second), expected{"clock", warns, nil, "this clock is 2m", "time"}},
		"clock ahead, it says": {clockOff(-150 * time.Second), expected{"clock", warns, nil, "ahead of Vault's", "time"}},
		"clock behind":         {clockOff(150 * time.Second), expected{"clock", warns, nil, "behind Vault's", "time"}},
		"clock a little off":   {clockOff(20 * time.Second), expected{"clock", fine, nil, "of Vault's", ""}},
		"no clock":             {answersHealth(`"initialized":true`), expected{"clock", skips, nil, "does not report its time", ""}},
	}.check(t)
}

// A standby forwards requests to the active node, so Diagnose finds nothing wrong there.
func TestDiagnose_OfARaftStandby(t *testing.T) {
	cluster := realvault.StartCluster(t)
	leader, err := cluster.Leader(t.Context())
	if err != nil {
		t.Fatalf("Leader = %v, want no error", err)
	}
	standby := cluster.Addr((leader + 1) % cluster.Nodes())
	found := diagnosis{opts: []vaultkit.Option{at(standby), vaultkit.WithToken(vaultkit.FromString(cluster.RootToken()))}}.findings(t)
	expected{"server", fine, nil, "a standby that hands requests to the active node", ""}.compare(t, found)
	expected{"rights:rotator", fine, nil, "for any provider", ""}.compare(t, found)
}
