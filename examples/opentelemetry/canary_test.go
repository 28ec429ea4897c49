package opentelemetry_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/baggage"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/vaulttest"
)

// The secrets of the test.
const (
	oldKey = "canary-0123456789-old"
	newKey = "canary-0123456789-new"
)

// tap records the tokens of requests to Vault, and the headers that propagate a trace.
type tap struct {
	next    http.RoundTripper
	mu      sync.Mutex
	tokens  []string
	carried []http.Header
}

// madeUp is the token with which a client that was denied finds out how the server responds to an
// unknown token. It is no secret.
const madeUp = "vaultkit-asks-what-an-unknown-token-is-told"

func (w *tap) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("X-Vault-Token") == madeUp {
		return w.next.RoundTrip(r)
	}
	w.mu.Lock()
	if token := r.Header.Get("X-Vault-Token"); token != "" && !slices.Contains(w.tokens, token) {
		w.tokens = append(w.tokens, token)
	}
	w.carried = append(w.carried, http.Header{
		"Baggage": r.Header["Baggage"], "Traceparent": r.Header["Traceparent"], "Tracestate": r.Header["Tracestate"],
	})
	w.mu.Unlock()
	return w.next.RoundTrip(r)
}

// tapped returns a client whose requests pass a tap below the example's transport.
func (o *telemetry) tapped(t *testing.T, opts ...vaultkit.Option) (*vaultkit.Client, *tap) {
	t.Helper()
	w := &tap{}
	client := o.client(t, append(opts, vaultkit.WithTransport(func(next http.RoundTripper) http.RoundTripper {
		w.next = next
		return tracing(o.traces, o.metrics)(w)
	}))...)
	return client, w
}

// appRole returns a login with the reader's policy, and its secret id.
func appRole(t *testing.T) (login vaultkit.Option, secretID string) {
	t.Helper()
	root, name := vaulttest.Root(t), vaulttest.Name(t)
	vaulttest.Must(root.Sys().PutPolicyWithContext(t.Context(), name, vaulttest.Policy(t, "../../", "reader")))
	write := func(path string, data map[string]any) map[string]any {
		secret, err := root.Logical().WriteWithContext(t.Context(), path, data)
		vaulttest.Must(err)
		if secret == nil {
			return nil
		}
		return secret.Data
	}
	write("auth/approle/role/"+name, map[string]any{"token_policies": name})
	write("auth/approle/role/"+name+"/role-id", map[string]any{"role_id": name})
	secretID = write("auth/approle/role/"+name+"/secret-id", nil)["secret_id"].(string)
	return vaultkit.WithAppRole(vaultkit.AppRole{RoleID: vaultkit.FromString(name), SecretID: vaultkit.FromString(secretID)}), secretID
}

// No secret is in a span, a metric or a header that propagates a trace, whether a call succeeds or
// fails.
func TestCanary(t *testing.T) {
	o := newTelemetry()
	login, secretID := appRole(t)
	root, rootTap := o.tapped(t)
	reader, readerTap := o.tapped(t, login)
	provider := vaulttest.Name(t)
	ctx := carrying(t.Context(), "tenant", "goblin")
	for _, step := range []struct {
		name string
		do   func(context.Context) error
		err  error
	}{
		{"put", func(ctx context.Context) error {
			_, err := root.PutProviderKeys(ctx, provider, vaultkit.ProviderKeys{"api_key": oldKey})
			return err
		}, nil},
		{"rotate", func(ctx context.Context) error {
			_, err := root.Rotate(ctx, provider, vaultkit.NewKey(newKey))
			return err
		}, nil},
		{"roll back", func(ctx context.Context) error {
			_, err := root.Rollback(ctx, provider, "")
			return err
		}, nil},
		{"read", func(ctx context.Context) error {
			_, err := reader.GetProviderKeys(ctx, provider)
			return err
		}, nil},
		{"denied", func(ctx context.Context) error {
			_, err := reader.Rotate(ctx, provider, vaultkit.NewKey(newKey))
			return err
		}, vaultkit.ErrPermissionDenied},
		{"not there", func(ctx context.Context) error {
			_, err := reader.GetAPIKey(ctx, vaulttest.Name(t))
			return err
		}, vaultkit.ErrNotFound},
	} {
		ctx, span := o.traces.Tracer("test").Start(ctx, step.name)
		err := step.do(ctx)
		if !errors.Is(err, step.err) {
			t.Errorf("%s = %v, want %v", step.name, err, step.err)
		}
		span.RecordError(err) // as services do
		span.End()
	}

	secrets := slices.Concat([]string{oldKey, newKey, secretID}, rootTap.tokens, readerTap.tokens)
	if len(secrets) != 5 {
		t.Fatalf("the test has %d secrets, want two keys, the secret id and two tokens", len(secrets))
	}
	carried := slices.Concat(rootTap.carried, readerTap.carried)
	assertSilent(t, secrets, o.spans.GetSpans(), collect(o.reader), carried)
	if got := carried[len(carried)-1].Get("Baggage"); got != "tenant=goblin" {
		t.Errorf("a request carries the baggage %q, want the caller's", got)
	}
}

// carrying returns ctx with baggage.
func carrying(ctx context.Context, key, value string) context.Context {
	member, err := baggage.NewMember(key, value)
	vaulttest.Must(err)
	bag, err := baggage.New(member)
	vaulttest.Must(err)
	return baggage.ContextWithBaggage(ctx, bag)
}

// assertSilent fails the test if a secret is in what was sent, plain or encoded.
func assertSilent(t *testing.T, secrets []string, sent ...any) {
	t.Helper()
	for _, one := range sent {
		text, err := json.Marshal(one)
		if err != nil || len(text) < 1_000 {
			t.Fatalf("json.Marshal of %T = %s, %v, want at least 1,000 bytes", one, text, err)
		}
		for i, secret := range secrets {
			for _, form := range []string{secret, hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret))} {
				if at := strings.Index(string(text), form); at >= 0 {
					t.Errorf("%T contains secret %d after …%s, want none", one, i, text[max(0, at-200):at])
				}
			}
		}
	}
}
