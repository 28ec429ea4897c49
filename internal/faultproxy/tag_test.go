package faultproxy_test

import (
	"net/http"
	"strings"
	"testing"

	"goblin/vaultkit/internal/faultproxy"
)

// tagged sends a write with a tag.
func tagged(t *testing.T, p *faultproxy.Proxy, tag string) clientResult {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, p.URL()+"/v1/"+tag, strings.NewReader("v"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(faultproxy.TagHeader, tag)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return clientResult{err: err}
	}
	defer resp.Body.Close()
	return clientResult{status: resp.StatusCode}
}

// TestTag checks that the rule gets the tag and the server does not.
func TestTag(t *testing.T) {
	rec := newTestServer(t)
	p := newProxy(t, rec)
	p.SetRule(faultproxy.When(func(r faultproxy.Request) bool { return r.Tag == "doomed" }, faultproxy.Lose()))
	wantClass(t, tagged(t, p, "fine"), "OK")
	wantClass(t, tagged(t, p, "doomed"), "reset")
	wantClass(t, put(p, "none"), "OK")
	wantApplied(t, rec, "PUT /v1/fine v", "PUT /v1/doomed v", "PUT /v1/none v")
	for _, header := range rec.headers {
		if _, there := header[faultproxy.TagHeader]; there {
			t.Errorf("the server got the header %v, want it without the tag", header)
		}
	}
	wantLog(t, p,
		faultproxy.Request{N: 1, Method: "PUT", Path: "fine", Tag: "fine", Status: 200},
		faultproxy.Request{N: 2, Method: "PUT", Path: "doomed", Tag: "doomed", Status: 200},
		faultproxy.Request{N: 3, Method: "PUT", Path: "none", Status: 200})
}

// TestIndex checks that the rule and the server get the client's X-Vault-Index.
func TestIndex(t *testing.T) {
	rec := newTestServer(t)
	p := newProxy(t, rec)
	req := mustRequest(t, p.URL()+"/v1/a")
	req.Header[faultproxy.IndexHeader] = []string{"one", "two"}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := rec.headers[0].Values(faultproxy.IndexHeader); len(got) != 2 {
		t.Errorf("the server got the index %q, want the client's", got)
	}
	wantLog(t, p, faultproxy.Request{N: 1, Method: "GET", Path: "a", Index: "one,two", Status: 200})
}

// TestThen checks that f runs when a late request is delivered, not when it is sent.
func TestThen(t *testing.T) {
	rec := newTestServer(t)
	p := newProxy(t, rec)
	release, over := make(chan struct{}), make(chan struct{})
	p.SetRule(faultproxy.At(1, faultproxy.Late(release).Then(func() {
		wantApplied(t, rec, "PUT /v1/later v", "PUT /v1/late v")
		close(over)
	})))
	wantClass(t, put(p, "late"), "reset")
	wantClass(t, put(p, "later"), "OK")
	select {
	case <-over:
		t.Fatal("Then ran f before the release, want after it")
	default:
	}
	close(release)
	<-over
}
