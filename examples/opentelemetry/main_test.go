package opentelemetry_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/devvault"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

func TestMain(m *testing.M) {
	vaulttest.MainWith(m, stage, func() error { return nil })
}

// stage is what the example finds: a service's environment, its key in Vault, and
// what carries traces and baggage on to other services.
func stage(server *devvault.Server) {
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	must(os.Setenv("VAULT_ADDR", server.Addr()))
	must(os.Setenv("VAULT_TOKEN", server.RootToken()))
	root, err := api.NewClient(api.DefaultConfig())
	must(err)
	defer root.CloneConfig().HttpClient.CloseIdleConnections()
	_, err = root.KVv2(vaulttest.Mount).Put(context.Background(), vaulttest.Base+"/providers/openai-gpt4",
		map[string]any{"api_key": "fake-openai-key"})
	must(err)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// printSpans prints each span's name after its parent's.
func printSpans(spans tracetest.SpanStubs) {
	names := make(map[trace.SpanID]string)
	for _, span := range spans {
		names[span.SpanContext.SpanID()] = span.Name
	}
	for _, span := range spans {
		if parent, ok := names[span.Parent.SpanID()]; ok {
			fmt.Print(parent, " > ")
		}
		fmt.Println(span.Name)
	}
}

func printCounts(reader sdkmetric.Reader) { fmt.Println(counts(collect(reader))) }

func collect(reader sdkmetric.Reader) (all metricdata.ResourceMetrics) {
	must(reader.Collect(context.Background(), &all))
	return all
}

// counts are the counted events: each one's kind and what else it says, but the
// provider.
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

// telemetry is what the clients of a test send, each made like the example's.
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

// client is a root client, unless the options say otherwise.
func (o *telemetry) client(t *testing.T, opts ...vaultkit.Option) *vaultkit.Client {
	t.Helper()
	count, err := counting(o.metrics)
	must(err)
	defaults := []vaultkit.Option{vaultkit.WithEnvironment(),
		vaultkit.WithTransport(tracing(o.traces, o.metrics)), vaultkit.WithObserver(count)}
	client, err := vaultkit.New(t.Context(), append(defaults, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// call calls f in a span, and returns that and the spans of the requests that
// were made meanwhile.
func (o *telemetry) call(t *testing.T, f func(context.Context)) (caller trace.SpanContext, requests tracetest.SpanStubs) {
	t.Helper()
	o.spans.Reset()
	ctx, span := o.traces.Tracer("test").Start(t.Context(), "caller")
	f(ctx)
	return span.SpanContext(), o.spans.GetSpans()
}

// proxied is an address of Vault that a test can cut off.
func proxied(t *testing.T) *faultproxy.Proxy {
	t.Helper()
	proxy, err := faultproxy.New(vaulttest.Server().Addr())
	must(err)
	t.Cleanup(func() { must(proxy.Close()) })
	return proxy
}

// store makes a provider of the test's own and returns its name.
func store(t *testing.T, key string) string {
	t.Helper()
	name := vaulttest.Name(t)
	vaulttest.Put(t, "providers/"+name, map[string]any{"api_key": key})
	return name
}
