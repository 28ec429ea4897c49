package opentelemetry_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulttest"
)

// attr returns a span's attribute. It is empty if the span has no attribute of this name.
func attr(span tracetest.SpanStub, key attribute.Key) attribute.Value {
	set := attribute.NewSet(span.Attributes...)
	value, _ := set.Value(key)
	return value
}

// request returns the method and the path of a span's request.
func request(span tracetest.SpanStub) string {
	_, path, _ := strings.Cut(attr(span, "url.full").AsString(), "/v1/")
	return attr(span, "http.request.method").AsString() + " " + path
}

// assertChildren fails the test unless these are spans of the caller's requests.
func assertChildren(t *testing.T, caller trace.SpanContext, requests tracetest.SpanStubs) {
	t.Helper()
	if len(requests) == 0 {
		t.Error("the call made no span, want at least one")
	}
	for _, span := range requests {
		if span.Parent.SpanID() != caller.SpanID() || span.SpanContext.TraceID() != caller.TraceID() {
			t.Errorf("%s has the parent %s, want the caller's span %s", request(span), span.Parent.SpanID(), caller.SpanID())
		}
		if span.SpanKind != trace.SpanKindClient || span.EndTime.Before(span.StartTime) {
			t.Errorf("%s is a span of kind %s from %s to %s, want a client's, with the end after the start",
				request(span), span.SpanKind, span.StartTime, span.EndTime)
		}
	}
}

// The span of a read is a child of the caller's span. It has the URL and the status of the response.
func TestRead(t *testing.T) {
	proxy, o := proxied(t), newTelemetry()
	client := o.client(t, vaultkit.WithAddress(proxy.URL()), vaultkit.WithTimeouts(vaultkit.Timeouts{Read: 300 * time.Millisecond}))
	there, missing := store(t, "fake-key"), vaulttest.Name(t)

	for _, tc := range []struct {
		name, provider string
		before         func()
		err            error
		status         int64 // 0: no response
		code           codes.Code
	}{
		{"there", there, func() {}, nil, 200, codes.Unset},
		{"not there", missing, func() {}, vaultkit.ErrNotFound, 404, codes.Error},
		{"unreachable", there, proxy.Down, vaultkit.ErrUnavailable, 0, codes.Error},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.before()
			caller, requests := o.call(t, func(ctx context.Context) {
				if _, err := client.GetAPIKey(ctx, tc.provider); !errors.Is(err, tc.err) {
					t.Errorf("GetAPIKey = %v, want %v", err, tc.err)
				}
			})
			assertChildren(t, caller, requests)
			if len(requests) != 1 && tc.status != 0 { // without a response, it is retried
				t.Errorf("GetAPIKey made %d spans, want 1", len(requests))
			}
			for _, span := range requests {
				assertAsked(t, span, proxy.URL()+"/v1/secret/data/goblin-assistant/providers/"+tc.provider)
				assertAnswered(t, span, tc.status, tc.code)
			}
		})
	}
}

func assertAsked(t *testing.T, span tracetest.SpanStub, url string) {
	t.Helper()
	if span.Name != "vault GET" || attr(span, "http.request.method").AsString() != "GET" {
		t.Errorf("the span of %s has the name %q, want vault GET", request(span), span.Name)
	}
	if got := attr(span, "url.full").AsString(); got != url {
		t.Errorf("the span has the URL %s, want %s", got, url)
	}
}

func assertAnswered(t *testing.T, span tracetest.SpanStub, status int64, code codes.Code) {
	t.Helper()
	if got := attr(span, "http.response.status_code").AsInt64(); got != status || span.Status.Code != code {
		t.Errorf("the span has the status %d, %s, want %d, %s", got, span.Status.Code, status, code)
	}
	if reason := attr(span, "error.type").AsString(); (reason != "") != (code == codes.Error) {
		t.Errorf("the span has error.type %q, want one only if it failed: %s", reason, code)
	}
}

// A cached read makes no span. A fetch of the cache is a trace of its own, because several callers may
// wait for it.
func TestCachedReads(t *testing.T) {
	o := newTelemetry()
	client := o.client(t, vaultkit.WithCache(time.Hour, 0))
	provider := store(t, "fake-key")
	read := func(ctx context.Context) {
		if key, err := client.GetAPIKey(ctx, provider); key != "fake-key" || err != nil {
			t.Errorf("GetAPIKey = %q, %v, want fake-key", key, err)
		}
	}
	caller, requests := o.call(t, read)
	if len(requests) != 1 || requests[0].Parent.IsValid() || requests[0].SpanContext.TraceID() == caller.TraceID() {
		t.Errorf("the first read made %d spans, want one without a parent", len(requests))
	}
	if _, requests = o.call(t, read); len(requests) != 0 {
		t.Errorf("a cached read made %d spans, want 0", len(requests))
	}
}

// A rotation's trace shows every request of the protocol.
func TestRotation(t *testing.T) {
	o := newTelemetry()
	client := o.client(t)
	provider := store(t, "fake-old-key")
	var r *vaultkit.Rotation
	caller, requests := o.call(t, func(ctx context.Context) {
		var err error
		if r, err = client.Rotate(ctx, provider, vaultkit.NewKey("fake-new-key")); err != nil {
			t.Fatalf("Rotate = %v, want no error", err)
		}
	})
	assertChildren(t, caller, requests)
	var got []string
	for _, span := range requests {
		got = append(got, strings.ReplaceAll(strings.ReplaceAll(request(span), provider, "P"), r.ID, "ID"))
	}
	directory := protocol.AttemptDirectories(provider, map[string]any{"api_key": "fake-new-key"})[0]
	want := []string{
		"GET secret/data/goblin-assistant/providers/P",
		"GET secret/metadata/goblin-assistant/backups/P?list=true",
		"GET secret/metadata/goblin-assistant/revocations/P/" + directory + "?list=true",
		"GET secret/metadata/goblin-assistant/revocations/P/" + directory + "?list=true",
		"GET secret/metadata/goblin-assistant/rotations/P?list=true",
		"PUT secret/data/goblin-assistant/backups/P/ID",
		"PUT secret/data/goblin-assistant/providers/P",
		"PUT secret/data/goblin-assistant/rotations/P/ID",
		"PUT secret/metadata/goblin-assistant/backups/P/ID",
		"PUT sys/capabilities-self",
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("the rotation's spans are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The id in a request's span is the one in Vault's audit log, and in the error.
func TestCorrelation(t *testing.T) {
	header := "sys/config/auditing/request-headers/X-Correlation-Id"
	if _, err := vaulttest.Root(t).Logical().WriteWithContext(t.Context(), header, map[string]any{"hmac": false}); err != nil {
		t.Fatalf("WriteWithContext = %v, want no error", err)
	}
	o, missing := newTelemetry(), vaulttest.Name(t)
	client := o.client(t)
	var err error
	_, requests := o.call(t, func(ctx context.Context) { _, err = client.GetAPIKey(ctx, missing) })
	failed, ok := errors.AsType[*vaultkit.Error](err)
	if !ok || len(requests) != 1 {
		t.Fatalf("GetAPIKey = %v with %d spans, want an *Error and 1 span", err, len(requests))
	}
	id := attr(requests[0], "http.request.header.x-correlation-id").AsStringSlice()
	if !slices.Equal(id, []string{failed.CorrelationID}) {
		t.Errorf("the span has the correlation id %q, want that of the error, %q", id, failed.CorrelationID)
	}
	log, err := os.ReadFile(vaulttest.Server().AuditLog())
	vaulttest.Must(err)
	if !slices.ContainsFunc(strings.Split(string(log), "\n"), func(line string) bool {
		return strings.Contains(line, failed.CorrelationID) && strings.Contains(line, missing)
	}) {
		t.Errorf("the audit log has no read of %s with the correlation id %s, want one", missing, failed.CorrelationID)
	}
}
