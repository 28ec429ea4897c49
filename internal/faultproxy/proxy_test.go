package faultproxy_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"goblin/vaultkit/internal/faultproxy"
)

func TestProxy_ForwardsUnchanged(t *testing.T) {
	rec := newTestServer(t)
	p := newProxy(t, rec)
	req, err := http.NewRequest("LIST", p.URL()+"/v1/a/..%2fb//c/?list=true&x=%20y", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Vault-Token", "t")
	req.Header.Set("User-Agent", "")
	resp, err := (&http.Transport{DisableKeepAlives: true, DisableCompression: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.Header.Get("X-Server") != "real" || !resp.Close {
		t.Errorf("response header %v, close %v, want the server's header and close", resp.Header, resp.Close)
	}
	wantApplied(t, rec, "LIST /v1/a/..%2fb//c/?list=true&x=%20y")
	wantLog(t, p, faultproxy.Request{N: 1, Method: "LIST", Path: "a/..%2fb//c/", Query: "list=true&x=%20y", Status: 200})
	if h := rec.headers[0]; h.Get("X-Vault-Token") != "t" || h.Get("User-Agent") != "" || h.Get("Accept-Encoding") != "" {
		t.Errorf("the server got headers %v, want the client's", h)
	}
}

func TestProxy_PassesRedirects(t *testing.T) {
	p := newProxy(t, newTestServer(t))
	resp, err := http.DefaultTransport.RoundTrip(mustRequest(t, p.URL()+"/v1/moved"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 307 || resp.Header.Get("Location") != "http://127.0.0.1:1/elsewhere" {
		t.Errorf("the client got %d to %q, want the server's redirect", resp.StatusCode, resp.Header.Get("Location"))
	}
}

func TestDown_RefusesUntilUp(t *testing.T) {
	rec := newTestServer(t)
	p := newProxy(t, rec)
	p.SetRule(faultproxy.At(1, faultproxy.After(p.Down)))
	wantClass(t, put(p, "a"), "OK")
	wantClass(t, put(p, "b"), "refused")
	p.Down()
	for range 2 {
		if err := p.Up(); err != nil {
			t.Fatal(err)
		}
	}
	wantClass(t, put(p, "c"), "OK")
	wantApplied(t, rec, "PUT /v1/a v", "PUT /v1/c v")
	if n := len(p.Log()); n != 2 {
		t.Errorf("Log has %d requests, want 2", n)
	}
}

func TestProxy_DeadServerCausesAReset(t *testing.T) {
	rec := newTestServer(t)
	p := newProxy(t, rec)
	rec.Close()
	wantClass(t, put(p, "a"), "reset")
	p.SetRule(faultproxy.OnEvery("", "", faultproxy.Error(500, "", true)))
	wantClass(t, put(p, "a"), "reset")
	if log := p.Log(); log[0].Status != 0 || log[1].Status != 0 {
		t.Errorf("Log = %+v, want no status from a dead server", log)
	}
}

func TestRules(t *testing.T) {
	rec := newTestServer(t)
	p := newProxy(t, rec)
	p.SetRule(faultproxy.Rules(
		faultproxy.OnMatch("PUT", "data/", faultproxy.Error(500, "", false)),
		faultproxy.OnEvery("GET", "meta", faultproxy.Error(403, "", false)),
		faultproxy.At(5, faultproxy.Refuse())))
	for i, tc := range []struct {
		got  clientResult
		want string
	}{
		{get(p, "data/x"), "OK"},
		{put(p, "data/x"), "Internal Server Error"},
		{put(p, "data/x"), "OK"},
		{get(p, "metadata/x"), "Forbidden"},
		{get(p, "data/x"), "reset"},
		{get(p, "metadata/y"), "Forbidden"},
	} {
		if tc.got.class() != tc.want {
			t.Errorf("request %d: the client got %q, want %q", i+1, tc.got.class(), tc.want)
		}
	}
}

// TestProxy_ConcurrentClients runs many clients with one stateful rule, for the race
// detector.
func TestProxy_ConcurrentClients(t *testing.T) {
	const clients, each = 8, 25
	rec := newTestServer(t)
	p := newProxy(t, rec)
	odd := 0 // needs no lock: rules are called one at a time
	p.SetRule(func(r faultproxy.Request) faultproxy.Action {
		odd += r.N % 2
		return faultproxy.Pass
	})
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := range each {
				if got := put(p, fmt.Sprintf("%d/%d", c, i)); got.err != nil {
					t.Error(got.err)
				}
				p.Wait()
			}
		})
	}
	wg.Wait()
	if n := len(rec.appliedRequests()); n != clients*each || odd != n/2 {
		t.Errorf("the server applied %d requests, %d with an odd number, want %d and half of them", n, odd, clients*each)
	}
	for i, r := range p.Log() {
		if r.N != i+1 || r.Status != 200 {
			t.Fatalf("Log[%d] = %+v, want N = %d", i, r, i+1)
		}
	}
}

func TestClose(t *testing.T) {
	rec := newTestServer(t)
	p := newProxy(t, rec)
	in := make(chan struct{}, 3)
	arrived := func() { in <- struct{}{} }
	p.SetRule(faultproxy.Rules(
		faultproxy.At(1, faultproxy.Hang().Before(arrived)),
		faultproxy.At(2, faultproxy.HangApplied().Before(arrived)),
		faultproxy.At(3, faultproxy.Delay(nil).Before(arrived))))
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if got := put(p, "a"); got.err == nil {
				t.Error("a client got a response, want an error")
			}
		})
	}
	for range 3 {
		<-in
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Errorf("Close = %v, want nil", err)
		}
	}
	wg.Wait()
	wantClass(t, put(p, "a"), "refused")
	if err := p.Up(); err == nil {
		t.Error("Up after Close = nil, want an error")
	}
}

func TestClose_ReportsErrorsOfTheTest(t *testing.T) {
	for name, tc := range map[string]struct {
		rule faultproxy.Rule
		body string
		want string
	}{
		"panic in rule": {func(faultproxy.Request) faultproxy.Action { panic("oops") }, "", "oops"},
		"panic in hook": {faultproxy.At(1, faultproxy.Before(func() { panic("oops") })), "", "oops"},
		"huge body":     {nil, strings.Repeat("x", 4<<20+1), "body has more than 4194304 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			rec := newTestServer(t)
			p, err := faultproxy.New(rec.URL)
			if err != nil {
				t.Fatal(err)
			}
			p.SetRule(tc.rule)
			if got := do(context.Background(), http.DefaultClient, "PUT", p.URL(), tc.body); got.err == nil {
				t.Error("the client got a response, want an error")
			}
			wantApplied(t, rec)
			if err := p.Close(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Close = %v, want %q in it", err, tc.want)
			}
		})
	}
}

func TestNew_RefusesUnusableTargets(t *testing.T) {
	for _, target := range []string{"", "127.0.0.1:8200", "https://127.0.0.1", "http://", "http://x/y", "http://\x00"} {
		if p, err := faultproxy.New(target); err == nil {
			p.Close()
			t.Errorf("New(%q) = nil error, want an error", target)
		}
	}
}

func mustRequest(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}
