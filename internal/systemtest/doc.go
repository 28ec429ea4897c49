// Package systemtest holds tests of the whole library: no output contains a secret, what
// Vault's audit log shows, how services and rotations survive killed servers and other
// outages, and benchmarks.
package systemtest
