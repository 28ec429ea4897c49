// Package opentelemetry has no code but its tests: an example for services that
// trace and count with OpenTelemetry, and the tests that hold it to what it
// promises on a real Vault.
//
// Each request to Vault is a span. Those of a call that was given a context are
// children of the span in it: those of a rotation, and of a read without a cache.
// What a cache fetches, and what keeps the token alive, is done for no caller in
// particular: each is a trace of its own, and a cached read makes no span. A span
// has the id by which its request is found in Vault's audit log. Events are counted,
// and are not in the spans, since an observer is given no context.
//
// Nothing secret gets into spans, metrics or the headers that carry a trace on.
package opentelemetry
