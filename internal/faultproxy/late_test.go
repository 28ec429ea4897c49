package faultproxy_test

import (
	"testing"

	"goblin/vaultkit/internal/faultproxy"
)

// TestLate_ArrivesWhenReleased sends two late writes and delivers them in the opposite
// order, after a later request of the same client.
func TestLate_ArrivesWhenReleased(t *testing.T) {
	rec := newTestServer(t)
	p := newProxy(t, rec)
	first, second := make(chan struct{}), make(chan struct{})
	p.SetRule(faultproxy.Rules(faultproxy.At(1, faultproxy.Late(first)), faultproxy.At(2, faultproxy.Late(second))))

	wantClass(t, put(p, "1"), "reset")
	wantClass(t, put(p, "2"), "reset")
	wantClass(t, put(p, "3"), "OK")
	wantApplied(t, rec, "PUT /v1/3 v")

	close(second)
	p.Wait(2)
	wantApplied(t, rec, "PUT /v1/3 v", "PUT /v1/2 v")
	wantLog(t, p,
		faultproxy.Request{N: 1, Method: "PUT", Path: "1"},
		faultproxy.Request{N: 2, Method: "PUT", Path: "2", Status: 200},
		faultproxy.Request{N: 3, Method: "PUT", Path: "3", Status: 200})

	close(first)
	p.Wait()
	wantApplied(t, rec, "PUT /v1/3 v", "PUT /v1/2 v", "PUT /v1/1 v")
}

func TestLate_OutlivesReset(t *testing.T) {
	rec := newTestServer(t)
	p := newProxy(t, rec)
	release := make(chan struct{})
	p.SetRule(faultproxy.At(1, faultproxy.Late(release)))
	wantClass(t, put(p, "zombie"), "reset")
	p.SetRule(nil)
	p.Reset()
	wantClass(t, put(p, "new"), "OK")
	close(release)
	p.Wait()
	wantApplied(t, rec, "PUT /v1/new v", "PUT /v1/zombie v")
	wantLog(t, p, faultproxy.Request{N: 1, Method: "PUT", Path: "new", Status: 200})
}

func TestClose_DropsLateWrites(t *testing.T) {
	rec := newTestServer(t)
	p := newProxy(t, rec)
	release := make(chan struct{})
	p.SetRule(faultproxy.At(1, faultproxy.Late(release)))
	wantClass(t, put(p, "zombie"), "reset")
	if err := p.Close(); err != nil {
		t.Errorf("Close = %v, want nil", err)
	}
	close(release)
	p.Wait() // returns, since nothing is left to wait for
	wantApplied(t, rec)
}
