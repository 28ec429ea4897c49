package opentelemetry_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"goblin/vaultkit"
	"goblin/vaultkit/event"
)

// tracing makes a span for each request to Vault, below the span in the caller's context.
func tracing(traces trace.TracerProvider, metrics metric.MeterProvider) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		return otelhttp.NewTransport(correlated{next},
			otelhttp.WithTracerProvider(traces), otelhttp.WithMeterProvider(metrics),
			otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return "vault " + r.Method }))
	}
}

// correlated adds the request's correlation id to its span, so that the request can be found in
// Vault's audit log. It adds no other header, because one of them is the token.
type correlated struct{ next http.RoundTripper }

func (c correlated) RoundTrip(r *http.Request) (*http.Response, error) {
	trace.SpanFromContext(r.Context()).SetAttributes(
		attribute.StringSlice("http.request.header.x-correlation-id", r.Header.Values("X-Correlation-Id")))
	return c.next.RoundTrip(r)
}

// counting returns an observer that counts the client's events. Raise an alarm for the kind stale and
// for the phase failed.
func counting(metrics metric.MeterProvider) (func(event.Event), error) {
	events, err := metrics.Meter("goblin/vaultkit").Int64Counter("vaultkit.events")
	return func(e event.Event) {
		events.Add(context.Background(), 1, metric.WithAttributes(
			attribute.String("kind", string(e.Kind)), attribute.String("provider", e.Provider),
			attribute.String("phase", string(e.Phase)), attribute.String("outcome", e.Outcome),
			attribute.Bool("failed", e.Err != nil)))
	}, err
}

// A service traces its requests to Vault and counts the client's events.
func Example() {
	ctx := context.Background()
	// In a service, use exporters that send to its collector.
	exporter, reader := tracetest.NewInMemoryExporter(), sdkmetric.NewManualReader()
	traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	defer traces.Shutdown(ctx)
	metrics := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	defer metrics.Shutdown(ctx)

	count, err := counting(metrics)
	if err != nil {
		log.Fatal(err)
	}
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment(),
		vaultkit.WithTransport(tracing(traces, metrics)),
		vaultkit.WithObserver(count))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	ctx, span := traces.Tracer("assistant").Start(ctx, "answer")
	key, err := client.GetAPIKey(ctx, "openai-gpt4")
	span.End()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("a key of", len(key), "characters")

	for _, one := range exporter.GetSpans() {
		below := one.Parent.SpanID() == span.SpanContext().SpanID()
		fmt.Println(one.Name, "below answer:", below)
	}
	// Output:
	// a key of 15 characters
	// vault GET below answer: false
	// vault GET below answer: false
	// vault GET below answer: true
	// answer below answer: false
}
