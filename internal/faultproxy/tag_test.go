package faultproxy_test

import (
	"net/http"
	"strings"
	"testing"

	"goblin/vaultkit/internal/faultproxy"
)

// tagged sends a write that carries a tag.
func tagged(t *testing.T, p *faultproxy.Proxy, tag string) seen {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, p.URL()+"/v1/"+tag, strings.NewReader("v"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(faultproxy.TagHeader, tag)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return seen{err: err}
	}
	defer resp.Body.Close()
	return seen{status: resp.StatusCode}
}

// The rule sees the tag, the server does not.
func TestTag(t *testing.T) {
	rec := newRecorder(t)
	p := newProxy(t, rec)
	p.SetRule(faultproxy.When(func(r faultproxy.Request) bool { return r.Tag == "doomed" }, faultproxy.Lose()))
	wantClass(t, tagged(t, p, "fine"), "OK")
	wantClass(t, tagged(t, p, "doomed"), "reset")
	wantClass(t, put(p, "none"), "OK")
	wantApplied(t, rec, "PUT /v1/fine v", "PUT /v1/doomed v", "PUT /v1/none v")
	for _, header := range rec.headers {
		if _, there := header[faultproxy.TagHeader]; there {
			t.Errorf("the server got the tag: %v", header)
		}
	}
	wantLog(t, p,
		faultproxy.Request{N: 1, Method: "PUT", Path: "fine", Tag: "fine", Status: 200},
		faultproxy.Request{N: 2, Method: "PUT", Path: "doomed", Tag: "doomed", Status: 200},
		faultproxy.Request{N: 3, Method: "PUT", Path: "none", Status: 200})
}

// The rule and the server see how far the client wants a node to be.
func TestIndex(t *testing.T) {
	rec := newRecorder(t)
	p := newProxy(t, rec)
	req := mustRequest(t, p.URL()+"/v1/a")
	req.Header[faultproxy.IndexHeader] = []string{"one", "two"}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := rec.headers[0].Values(faultproxy.IndexHeader); len(got) != 2 {
		t.Errorf("the server got %q", got)
	}
	wantLog(t, p, faultproxy.Request{N: 1, Method: "GET", Path: "a", Index: "one,two", Status: 200})
}

// Then runs when a late request is delivered, and not when it is sent.
func TestThen(t *testing.T) {
	rec := newRecorder(t)
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
		t.Fatal("over before its release")
	default:
	}
	close(release)
	<-over
}
