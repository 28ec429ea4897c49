package faulttest

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// A late write arrives although its client's context has ended. Its delivery waits until it is
// applied.
func TestLateWriteOutlivesItsClient(t *testing.T) {
	proxy, err := faultproxy.New(vaulttest.Server().Addr())
	if err != nil {
		t.Fatal(err)
	}
	driver := NewDriver(proxy)
	run := driver.newRun(&Operation{Name: "write"}, Schedule{})
	for _, kind := range []string{"late", "deadline-late"} {
		p := run.newExecution(t.Context(), []Fault{{N: 1, Kind: kind}})
		p.ctx.cancel(context.Canceled)
		path := "providers/" + vaulttest.Name(t)
		url := proxy.URL() + "/v1/" + vaulttest.Mount + "/data/" + vaulttest.Base + "/" + path
		put, err := http.NewRequestWithContext(p.context(), http.MethodPut, url, strings.NewReader(`{"data":{"api_key":"fake-late"}}`))
		if err != nil {
			t.Fatal(err)
		}
		put.Header.Set("X-Vault-Token", vaulttest.Server().RootToken())
		if answer, err := driver.Transport(http.DefaultTransport).RoundTrip(put); err == nil {
			answer.Body.Close()
			t.Errorf("%s: RoundTrip = %s, want an error", kind, answer.Status)
		}
		if there := vaulttest.Look(t, path); len(there) > 0 {
			t.Errorf("%s: before it is delivered Vault has %v, want nothing", kind, there)
		}
		if !p.deliverAt(beforeEnding) || len(vaulttest.Look(t, path)) != 1 {
			t.Errorf("%s: deliverAt(beforeEnding) delivered nothing, want the write", kind)
		}
	}
	if err := proxy.Close(); err != nil {
		t.Errorf("Close = %v, want nil", err)
	}
}
