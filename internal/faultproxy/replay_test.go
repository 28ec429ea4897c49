package faultproxy_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"goblin/vaultkit/internal/faultproxy"
)

// TestProxy_PreventsReplays cuts a GET of Go's default client after an earlier request.
// The proxy gets it once, and the client gets an error.
func TestProxy_PreventsReplays(t *testing.T) {
	for name, action := range map[string]faultproxy.Action{"refuse": faultproxy.Refuse(), "lose": faultproxy.Lose()} {
		t.Run(name, func(t *testing.T) {
			p := newProxy(t, newTestServer(t))
			wantClass(t, get(p, "warm-up"), "OK")
			p.Reset()
			p.SetRule(faultproxy.At(1, action))
			wantClass(t, get(p, "a"), "reset")
			if n := len(p.Log()); n != 1 {
				t.Errorf("the proxy got %d requests, want 1", n)
			}
		})
	}
}

// TestReplay_WithoutTheProxy shows why the proxy closes connections: with a server that
// keeps them open, net/http sends the request again.
func TestReplay_WithoutTheProxy(t *testing.T) {
	var count atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if count.Add(1) != 2 {
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	}))
	defer server.Close()
	client := server.Client()
	wantClass(t, do(context.Background(), client, "GET", server.URL, ""), "OK")
	wantClass(t, do(context.Background(), client, "GET", server.URL, ""), "OK")
	if n := count.Load(); n != 3 {
		t.Errorf("the server got %d requests, want 3: the first, the cut one and its replay", n)
	}
}
