package faultproxy_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"

	"goblin/vaultkit/internal/faultproxy"
)

func newTLS(t *testing.T, rec *testServer, needClientCert bool, hosts ...string) (*faultproxy.Proxy, *faultproxy.Identity) {
	t.Helper()
	p, id, err := faultproxy.NewTLS(rec.URL, needClientCert, hosts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, id
}

// secureClient trusts id's authority and may send id's certificate. It offers HTTP/2, as
// the official client does.
func secureClient(t *testing.T, id *faultproxy.Identity, serverName string, withCert bool) *http.Client {
	t.Helper()
	config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: serverName}
	if !config.RootCAs.AppendCertsFromPEM(id.CA) {
		t.Fatal("Identity.CA has no certificate, want one in PEM")
	}
	if withCert {
		cert, err := tls.X509KeyPair(id.ClientCert, id.ClientKey)
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{cert}
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}}
}

func TestTLS(t *testing.T) {
	for name, tc := range map[string]struct {
		needCert   bool
		hosts      []string
		serverName string
		withCert   bool
		ok         bool
	}{
		"by address":             {ok: true},
		"by name":                {serverName: "vault.test", ok: true},
		"wrong name":             {serverName: "other.test"},
		"name only, by address":  {hosts: []string{"vault.test"}},
		"name only, by name":     {hosts: []string{"vault.test"}, serverName: "vault.test", ok: true},
		"certificate shown":      {needCert: true, withCert: true, ok: true},
		"certificate missing":    {needCert: true},
		"certificate not needed": {withCert: true, ok: true},
	} {
		t.Run(name, func(t *testing.T) {
			rec := newTestServer(t)
			p, id := newTLS(t, rec, tc.needCert, tc.hosts...)
			got := do(t.Context(), secureClient(t, id, tc.serverName, tc.withCert), "PUT", p.URL()+"/v1/a", "v")
			if tc.ok {
				wantClass(t, got, "OK")
				wantApplied(t, rec, "PUT /v1/a v")
				return
			}
			if got.err == nil {
				t.Error("the client got a response, want an error")
			}
			wantApplied(t, rec)
			wantLog(t, p)
		})
	}
}

func TestTLS_AuthorityIsNotTrustedByDefault(t *testing.T) {
	p, _ := newTLS(t, newTestServer(t), false)
	if got := put(p, "a"); got.err == nil {
		t.Error("a client without the CA got a response, want an error")
	}
}

func TestTLS_Faults(t *testing.T) {
	rec := newTestServer(t)
	p, id := newTLS(t, rec, true)
	client := secureClient(t, id, "", true)
	for _, tc := range []struct {
		action faultproxy.Action
		path   string
		want   string
	}{
		{faultproxy.Refuse(), "a", "reset"},
		{faultproxy.Lose(), "b", "reset"},
		{faultproxy.Truncate(), "c", "truncated"},
		{faultproxy.Truncate(), "empty", "truncated"},
	} {
		p.SetRule(faultproxy.OnMatch("", "", tc.action))
		wantClass(t, do(t.Context(), client, "GET", p.URL()+"/v1/"+tc.path, ""), tc.want)
	}
	wantApplied(t, rec, "GET /v1/b", "GET /v1/c", "GET /v1/empty")
	if n := len(p.Log()); n != 4 {
		t.Errorf("the proxy got %d requests, want 4", n)
	}
}
