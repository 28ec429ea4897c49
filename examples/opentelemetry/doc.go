// Package opentelemetry has no code except its tests: an example for services that trace and count
// with OpenTelemetry, and tests of the example on a real Vault.
//
// Each request to Vault is a span. The requests of a rotation, and of a read without a cache, are
// children of the span in the caller's context. A request of the cache, or for the client's token, has
// no caller: it is a trace of its own. A cached read makes no span. A span has the correlation id that
// finds its request in Vault's audit log. Events are counted. They are not in the spans, because an
// observer gets no context.
//
// No secret is in a span, a metric or a header that propagates a trace.
package opentelemetry
