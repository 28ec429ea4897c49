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

// TestNoSilentReplay cuts a GET of Go's default client, which has talked to the
// proxy before: the proxy sees it once, and the client learns of the cut.
func TestNoSilentReplay(t *testing.T) {
	for name, action := range map[string]faultproxy.Action{"refuse": faultproxy.Refuse(), "lose": faultproxy.Lose()} {
		t.Run(name, func(t *testing.T) {
			p := newProxy(t, newRecorder(t))
			wantClass(t, get(p, "warm-up"), "OK")
			p.Reset()
			p.SetRule(faultproxy.At(1, action))
			wantClass(t, get(p, "a"), "reset")
			if n := len(p.Log()); n != 1 {
				t.Errorf("seen %d times, want once", n)
			}
		})
	}
}

// TestReplayTrapIsReal shows what the proxy guards against: behind a server
// that keeps connections alive, net/http repairs the cut and asks again.
func TestReplayTrapIsReal(t *testing.T) {
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
		t.Errorf("the server saw %d requests, want 3: warm-up, cut, replay", n)
	}
}
