package wire_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"goblin/vaultkit/internal/wire"
)

// TestActions runs each action that needs nobody's help on the second of three
// writes: what its client sees, what the server applied, what was counted.
func TestActions(t *testing.T) {
	for name, tc := range map[string]struct {
		action  wire.Action
		class   string
		applied bool
	}{
		"pass":              {wire.Pass, "OK", true},
		"refuse":            {wire.Refuse(), "reset", false},
		"lose":              {wire.Lose(), "reset", true},
		"500":               {wire.Error(500, `{"errors":["x"]}`, false), "Internal Server Error", false},
		"500 applied":       {wire.Error(500, `{"errors":["x"]}`, true), "Internal Server Error", true},
		"403":               {wire.Error(403, "", false), "Forbidden", false},
		"429":               {wire.Error(429, "", false), "Too Many Requests", false},
		"truncate":          {wire.Truncate(), "truncated", true},
		"stamp":             {wire.Stamp("X-Fake", "1"), "OK", true},
		"before, then lose": {wire.Lose().Before(func() {}), "reset", true},
	} {
		t.Run(name, func(t *testing.T) {
			rec := newRecorder(t)
			p := newProxy(t, rec)
			p.SetRule(wire.At(2, tc.action))
			wantClass(t, put(p, "a"), "OK")
			wantClass(t, put(p, "b"), tc.class)
			wantClass(t, put(p, "c"), "OK")

			want, status := []string{"PUT /v1/a v", "PUT /v1/c v"}, 0
			if tc.applied {
				want, status = []string{"PUT /v1/a v", "PUT /v1/b v", "PUT /v1/c v"}, 200
			}
			wantApplied(t, rec, want...)
			wantLog(t, p,
				wire.Request{N: 1, Method: "PUT", Path: "a", Status: 200},
				wire.Request{N: 2, Method: "PUT", Path: "b", Status: status},
				wire.Request{N: 3, Method: "PUT", Path: "c", Status: 200})
		})
	}
}

func TestErrorAnswersAsTold(t *testing.T) {
	p := newProxy(t, newRecorder(t))
	p.SetRule(wire.At(1, wire.Error(500, `{"errors":["boom"]}`, true)))
	got := put(p, "a")
	if got.body != `{"errors":["boom"]}` || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("got %q as %q", got.body, got.header.Get("Content-Type"))
	}
	if got.header.Get("X-Server") != "" {
		t.Error("the server's own header leaked into the made-up answer")
	}
}

func TestStampAddsToTheServersAnswer(t *testing.T) {
	rec := newRecorder(t)
	p := newProxy(t, rec)
	p.SetRule(wire.At(1, wire.Stamp("X-Server", "stamped")))
	got := put(p, "a")
	if all := got.header.Values("X-Server"); !slices.Equal(all, []string{"real", "stamped"}) || got.body != answerBody {
		t.Errorf("got %q with %q", all, got.body)
	}
	rec.Close()
	p.SetRule(wire.OnEvery("", "", wire.Stamp("X-Server", "stamped")))
	wantClass(t, put(p, "a"), "reset")
}

func TestRewriteChangesTheBodyAndItsLength(t *testing.T) {
	p := newProxy(t, newRecorder(t))
	p.SetRule(wire.At(1, wire.Rewrite(func(status int, body []byte) []byte { return fmt.Appendf(nil, "%d: %s!", status, body) })))
	got := put(p, "a")
	if want := "200: " + answerBody + "!"; got.body != want || got.header.Get("Content-Length") != strconv.Itoa(len(want)) {
		t.Errorf("got %q of %s bytes, want %q", got.body, got.header.Get("Content-Length"), want)
	}
}

func TestTruncateKeepsLengthAndHalfTheBody(t *testing.T) {
	p := newProxy(t, newRecorder(t))
	p.SetRule(wire.At(1, wire.Truncate()))
	got := put(p, "a")
	wantClass(t, got, "truncated")
	if got.status != 200 || got.header.Get("Content-Length") != "21" || got.body != answerBody[:10] {
		t.Errorf("got status %d, length %s, body %q", got.status, got.header.Get("Content-Length"), got.body)
	}
}

func TestTruncateCutsTheHeaderOfAnEmptyAnswer(t *testing.T) {
	rec := newRecorder(t)
	p := newProxy(t, rec)
	p.SetRule(wire.At(1, wire.Truncate()))
	wantClass(t, put(p, "empty"), "truncated")
	wantApplied(t, rec, "PUT /v1/empty v")
}

func TestRivalsComeInOrder(t *testing.T) {
	for name, tc := range map[string]struct {
		action func(rival func()) wire.Action
		want   []string
	}{
		"before": {wire.Before, []string{"PUT /v1/rival v", "PUT /v1/ours v"}},
		"after":  {wire.After, []string{"PUT /v1/ours v", "PUT /v1/rival v"}},
	} {
		t.Run(name, func(t *testing.T) {
			rec := newRecorder(t)
			p := newProxy(t, rec)
			p.SetRule(wire.At(1, tc.action(func() { wantClass(t, put(p, "rival"), "OK") })))
			wantClass(t, put(p, "ours"), "OK")
			wantApplied(t, rec, tc.want...)
		})
	}
}

func TestDelayHoldsUntilReleased(t *testing.T) {
	rec := newRecorder(t)
	p := newProxy(t, rec)
	release := make(chan struct{})
	overtake := func() {
		go func() {
			wantClass(t, put(p, "overtaker"), "OK")
			close(release)
		}()
	}
	p.SetRule(wire.At(1, wire.Delay(release).Before(overtake)))
	wantClass(t, put(p, "held"), "OK")
	wantApplied(t, rec, "PUT /v1/overtaker v", "PUT /v1/held v")
}

// TestGivingUp has the client cancel once its request is in the proxy's hands.
func TestGivingUp(t *testing.T) {
	for name, tc := range map[string]struct {
		action  wire.Action
		applied []string
	}{
		"delay":        {wire.Delay(nil), nil},
		"hang":         {wire.Hang(), nil},
		"hang applied": {wire.HangApplied(), []string{"PUT /v1/a v"}},
		"lose":         {wire.Lose(), []string{"PUT /v1/a v"}},
		"after":        {wire.After(func() {}), []string{"PUT /v1/a v"}},
	} {
		t.Run(name, func(t *testing.T) {
			rec := newRecorder(t)
			p := newProxy(t, rec)
			ctx, cancel := context.WithCancel(t.Context())
			clientGone := make(chan struct{})
			p.SetRule(wire.At(1, tc.action.Before(func() {
				cancel()
				<-clientGone
			})))
			got := do(ctx, http.DefaultClient, "PUT", p.URL()+"/v1/a", "v")
			close(clientGone)
			wantClass(t, got, "canceled")
			wire.Idle(p) // nothing but the client's leaving ends these
			wantApplied(t, rec, tc.applied...)
		})
	}
}

// TestWaitKnowsARequestFromTheMomentItsClientMayEnd: a test that ends its client from
// Before looks at the server next, once Wait returns.
func TestWaitKnowsARequestFromTheMomentItsClientMayEnd(t *testing.T) {
	for name, action := range map[string]wire.Action{"lose": wire.Lose(), "refuse": wire.Refuse()} {
		t.Run(name, func(t *testing.T) {
			p := newProxy(t, newRecorder(t))
			held := 0
			p.SetRule(wire.At(1, action.Before(func() { held = wire.Held(p) })))
			wantClass(t, put(p, "a"), "reset")
			p.Wait()
			if held != 1 || wire.Held(p) != 0 {
				t.Errorf("held %d requests before the action and %d after it, want 1 and 0", held, wire.Held(p))
			}
		})
	}
}

func TestKillEndsTheClientOnceTheRequestIsApplied(t *testing.T) {
	rec := newRecorder(t)
	p := newProxy(t, rec)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var applied []string
	p.SetRule(wire.At(1, wire.Kill(func() {
		applied = rec.did()
		cancel()
	})))
	got := do(ctx, http.DefaultClient, "PUT", p.URL()+"/v1/a", "v")
	if class := got.class(); class != "canceled" && class != "reset" {
		t.Errorf("the client saw %q, want its own end or a reset", class)
	}
	if want := []string{"PUT /v1/a v"}; !slices.Equal(applied, want) {
		t.Errorf("applied %q when the client ended, want %q", applied, want)
	}
}

func TestHangUntilDeadline(t *testing.T) {
	for name, tc := range map[string]struct {
		action  wire.Action
		applied []string
	}{
		"hang":         {wire.Hang(), nil},
		"hang applied": {wire.HangApplied(), []string{"PUT /v1/a v"}},
	} {
		t.Run(name, func(t *testing.T) {
			rec := newRecorder(t)
			p := newProxy(t, rec)
			p.SetRule(wire.At(1, tc.action))
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			wantClass(t, do(ctx, http.DefaultClient, "PUT", p.URL()+"/v1/a", "v"), "deadline")
			p.Wait()
			wantApplied(t, rec, tc.applied...)
		})
	}
}
