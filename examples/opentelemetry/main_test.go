package opentelemetry_test

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

func TestMain(m *testing.M) {
	vaulttest.MainWith(m, stage, func() error { return nil })
}

// stage prepares the example: the environment of a service, its key in Vault, and the propagators of
// traces and baggage.
func stage(server vaulttest.Vault) {
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	vaulttest.StageExample(server)
}

func collect(reader sdkmetric.Reader) (all metricdata.ResourceMetrics) {
	vaulttest.Must(reader.Collect(context.Background(), &all))
	return all
}

// counts returns how often each event was counted, by kind, phase, outcome and failure.
func counts(all metricdata.ResourceMetrics) map[string]int64 {
	found := make(map[string]int64)
	for _, scope := range all.ScopeMetrics {
		for _, one := range scope.Metrics {
			if one.Name != "vaultkit.events" {
				continue
			}
			for _, point := range one.Data.(metricdata.Sum[int64]).DataPoints {
				found[label(point)] += point.Value
			}
		}
	}
	return found
}

func label(point metricdata.DataPoint[int64]) string {
	var words []string
	for _, name := range []string{"kind", "phase", "outcome"} {
		if value, _ := point.Attributes.Value(attribute.Key(name)); value.AsString() != "" {
			words = append(words, value.AsString())
		}
	}
	if failed, _ := point.Attributes.Value("failed"); failed.AsBool() {
		words = append(words, "(failed)")
	}
	return strings.Join(words, " ")
}

// telemetry collects what the clients of a test send. They are made like the example's.
type telemetry struct {
	spans   *tracetest.InMemoryExporter
	traces  *sdktrace.TracerProvider
	reader  *sdkmetric.ManualReader
	metrics *sdkmetric.MeterProvider
}

func newTelemetry() *telemetry {
	o := &telemetry{spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	o.traces = sdktrace.NewTracerProvider(sdktrace.WithSyncer(o.spans))
	o.metrics = sdkmetric.NewMeterProvider(sdkmetric.WithReader(o.reader))
	return o
}

// client returns a client with the root token, unless the options set another login.
func (o *telemetry) client(t *testing.T, opts ...vaultkit.Option) *vaultkit.Client {
	t.Helper()
	count, err := counting(o.metrics)
	vaulttest.Must(err)
	defaults := []vaultkit.Option{vaultkit.WithEnvironment(),
		vaultkit.WithTransport(tracing(o.traces, o.metrics)), vaultkit.WithObserver(count)}
	client, err := vaultkit.New(t.Context(), append(defaults, opts...)...)
	if err != nil {
		t.Fatalf("New = %v, want no error", err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// call calls f in a span. It returns that span and the spans of the requests of f.
func (o *telemetry) call(t *testing.T, f func(context.Context)) (caller trace.SpanContext, requests tracetest.SpanStubs) {
	t.Helper()
	o.spans.Reset()
	ctx, span := o.traces.Tracer("test").Start(t.Context(), "caller")
	f(ctx)
	return span.SpanContext(), o.spans.GetSpans()
}

// proxied starts a fault proxy in front of Vault.
func proxied(t *testing.T) *faultproxy.Proxy {
	t.Helper()
	proxy, err := faultproxy.New(vaulttest.Server().Addr())
	vaulttest.Must(err)
	t.Cleanup(func() { vaulttest.Must(proxy.Close()) })
	return proxy
}

// store stores a provider for one test and returns its name.
func store(t *testing.T, key string) string {
	t.Helper()
	name := vaulttest.Name(t)
	vaulttest.Put(t, "providers/"+name, map[string]any{"api_key": key})
	return name
}
