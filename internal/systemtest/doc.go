// Package systemtest has no code but its tests. They are about the library as a whole: that
// no secret appears in any output, what Vault's audit log shows, how a service and its
// rotations outlive killed servers and other outages, and how fast everything is.
package systemtest
