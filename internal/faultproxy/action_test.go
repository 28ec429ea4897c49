package faultproxy_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"goblin/vaultkit/internal/faultproxy"
)

// TestActions runs each action that needs no other action on the second of three writes.
// It checks what the client sees, what the server applied, and what was counted.
func TestActions(t *testing.T) {
	for name, tc := range map[string]struct {
		action  faultproxy.Action
		class   string
		applied bool
	}{
		"pass":              {faultproxy.Pass, "OK", true},
		"refuse":            {faultproxy.Refuse(), "reset", false},
		"lose":              {faultproxy.Lose(), "reset", true},
		"500":               {faultproxy.Error(500, `{"errors":["x"]}`, false), "Internal Server Error", false},
		"500 applied":       {faultproxy.Error(500, `{"errors":["x"]}`, true), "Internal Server Error", true},
		"403":               {faultproxy.Error(403, "", false), "Forbidden", false},
		"429":               {faultproxy.Error(429, "", false), "Too Many Requests", false},
		"truncate":          {faultproxy.Truncate(), "truncated", true},
		"stamp":             {faultproxy.AddHeader("X-Fake", "1"), "OK", true},
		"before, then lose": {faultproxy.Lose().Before(func() {}), "reset", true},
	} {
		t.Run(name, func(t *testing.T) {
			rec := newTestServer(t)
			p := newProxy(t, rec)
			p.SetRule(faultproxy.At(2, tc.action))
			wantClass(t, put(p, "a"), "OK")
			wantClass(t, put(p, "b"), tc.class)
			wantClass(t, put(p, "c"), "OK")

			want, status := []string{"PUT /v1/a v", "PUT /v1/c v"}, 0
			if tc.applied {
				want, status = []string{"PUT /v1/a v", "PUT /v1/b v", "PUT /v1/c v"}, 200
			}
			wantApplied(t, rec, want...)
			wantLog(t, p,
				faultproxy.Request{N: 1, Method: "PUT", Path: "a", Status: 200},
				faultproxy.Request{N: 2, Method: "PUT", Path: "b", Status: status},
				faultproxy.Request{N: 3, Method: "PUT", Path: "c", Status: 200})
		})
	}
}

func TestError_AnswersWithStatusAndBody(t *testing.T) {
	p := newProxy(t, newTestServer(t))
	p.SetRule(faultproxy.At(1, faultproxy.Error(500, `{"errors":["boom"]}`, true)))
	got := put(p, "a")
	if got.body != `{"errors":["boom"]}` || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("Error = %q as %q, want the given body as JSON", got.body, got.header.Get("Content-Type"))
	}
	if got.header.Get("X-Server") != "" {
		t.Error("Error's response has the server's own header, want only its own")
	}
}

func TestAddHeader_KeepsTheServersHeaders(t *testing.T) {
	rec := newTestServer(t)
	p := newProxy(t, rec)
	p.SetRule(faultproxy.At(1, faultproxy.AddHeader("X-Server", "stamped")))
	got := put(p, "a")
	if all := got.header.Values("X-Server"); !slices.Equal(all, []string{"real", "stamped"}) || got.body != answerBody {
		t.Errorf("AddHeader = %q with body %q, want both headers and the server's body", all, got.body)
	}
	rec.Close()
	p.SetRule(faultproxy.OnEvery("", "", faultproxy.AddHeader("X-Server", "stamped")))
	wantClass(t, put(p, "a"), "reset")
}

func TestRewrite_ChangesTheBodyAndItsLength(t *testing.T) {
	p := newProxy(t, newTestServer(t))
	p.SetRule(faultproxy.At(1, faultproxy.Rewrite(func(status int, body []byte) []byte { return fmt.Appendf(nil, "%d: %s!", status, body) })))
	got := put(p, "a")
	if want := "200: " + answerBody + "!"; got.body != want || got.header.Get("Content-Length") != strconv.Itoa(len(want)) {
		t.Errorf("Rewrite = %q of %s bytes, want %q", got.body, got.header.Get("Content-Length"), want)
	}
}

func TestTruncate_KeepsLengthAndHalfTheBody(t *testing.T) {
	p := newProxy(t, newTestServer(t))
	p.SetRule(faultproxy.At(1, faultproxy.Truncate()))
	got := put(p, "a")
	wantClass(t, got, "truncated")
	if got.status != 200 || got.header.Get("Content-Length") != "21" || got.body != answerBody[:10] {
		t.Errorf("Truncate = status %d, length %s, body %q, want the original length and half the body", got.status, got.header.Get("Content-Length"), got.body)
	}
}

func TestTruncate_CutsTheHeaderOfAnEmptyResponse(t *testing.T) {
	rec := newTestServer(t)
	p := newProxy(t, rec)
	p.SetRule(faultproxy.At(1, faultproxy.Truncate()))
	wantClass(t, put(p, "empty"), "truncated")
	wantApplied(t, rec, "PUT /v1/empty v")
}

func TestBefore_RunsBeforeTheRequest(t *testing.T) {
	for name, tc := range map[string]struct {
		action func(rival func()) faultproxy.Action
		want   []string
	}{
		"before": {faultproxy.Before, []string{"PUT /v1/rival v", "PUT /v1/ours v"}},
		"after":  {faultproxy.After, []string{"PUT /v1/ours v", "PUT /v1/rival v"}},
	} {
		t.Run(name, func(t *testing.T) {
			rec := newTestServer(t)
			p := newProxy(t, rec)
			p.SetRule(faultproxy.At(1, tc.action(func() { wantClass(t, put(p, "rival"), "OK") })))
			wantClass(t, put(p, "ours"), "OK")
			wantApplied(t, rec, tc.want...)
		})
	}
}

func TestDelay_HoldsUntilReleased(t *testing.T) {
	rec := newTestServer(t)
	p := newProxy(t, rec)
	release := make(chan struct{})
	overtake := func() {
		go func() {
			wantClass(t, put(p, "overtaker"), "OK")
			close(release)
		}()
	}
	p.SetRule(faultproxy.At(1, faultproxy.Delay(release).Before(overtake)))
	wantClass(t, put(p, "held"), "OK")
	wantApplied(t, rec, "PUT /v1/overtaker v", "PUT /v1/held v")
}

// TestActions_ClientLeaves cancels the client once the proxy has its request.
func TestActions_ClientLeaves(t *testing.T) {
	for name, tc := range map[string]struct {
		action  faultproxy.Action
		applied []string
	}{
		"delay":        {faultproxy.Delay(nil), nil},
		"hang":         {faultproxy.Hang(), nil},
		"hang applied": {faultproxy.HangApplied(), []string{"PUT /v1/a v"}},
		"lose":         {faultproxy.Lose(), []string{"PUT /v1/a v"}},
		"after":        {faultproxy.After(func() {}), []string{"PUT /v1/a v"}},
	} {
		t.Run(name, func(t *testing.T) {
			rec := newTestServer(t)
			p := newProxy(t, rec)
			ctx, cancel := context.WithCancel(t.Context())
			clientGone := make(chan struct{})
			p.SetRule(faultproxy.At(1, tc.action.Before(func() {
				cancel()
				<-clientGone
			})))
			got := do(ctx, http.DefaultClient, "PUT", p.URL()+"/v1/a", "v")
			close(clientGone)
			wantClass(t, got, "canceled")
			faultproxy.Idle(p) // nothing but the client's leaving ends these
			wantApplied(t, rec, tc.applied...)
		})
	}
}

// TestWait_CountsRequestsWhoseClientEndsInBefore checks Wait for a test that ends its
// client from Before and then looks at the server.
func TestWait_CountsRequestsWhoseClientEndsInBefore(t *testing.T) {
	for name, action := range map[string]faultproxy.Action{"lose": faultproxy.Lose(), "refuse": faultproxy.Refuse()} {
		t.Run(name, func(t *testing.T) {
			p := newProxy(t, newTestServer(t))
			held := 0
			p.SetRule(faultproxy.At(1, action.Before(func() { held = faultproxy.Held(p) })))
			wantClass(t, put(p, "a"), "reset")
			p.Wait()
			if held != 1 || faultproxy.Held(p) != 0 {
				t.Errorf("Held = %d before the action and %d after it, want 1 and 0", held, faultproxy.Held(p))
			}
		})
	}
}

func TestKill_EndsTheClientAfterTheRequest(t *testing.T) {
	rec := newTestServer(t)
	p := newProxy(t, rec)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var applied []string
	p.SetRule(faultproxy.At(1, faultproxy.Kill(func() {
		applied = rec.appliedRequests()
		cancel()
	})))
	got := do(ctx, http.DefaultClient, "PUT", p.URL()+"/v1/a", "v")
	if class := got.class(); class != "canceled" && class != "reset" {
		t.Errorf("the client got %q, want canceled or a reset", class)
	}
	if want := []string{"PUT /v1/a v"}; !slices.Equal(applied, want) {
		t.Errorf("applied %q when the client ended, want %q", applied, want)
	}
}

func TestHang_UntilDeadline(t *testing.T) {
	for name, tc := range map[string]struct {
		action  faultproxy.Action
		applied []string
	}{
		"hang":         {faultproxy.Hang(), nil},
		"hang applied": {faultproxy.HangApplied(), []string{"PUT /v1/a v"}},
	} {
		t.Run(name, func(t *testing.T) {
			rec := newTestServer(t)
			p := newProxy(t, rec)
			p.SetRule(faultproxy.At(1, tc.action))
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			wantClass(t, do(ctx, http.DefaultClient, "PUT", p.URL()+"/v1/a", "v"), "deadline")
			p.Wait()
			wantApplied(t, rec, tc.applied...)
		})
	}
}
