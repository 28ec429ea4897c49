// Package difftest compares the in-process Vault with the pinned real server: random
// sequences of requests are sent to both, and every response must be the same in status,
// body and effect, but for ids, times and accessors. It holds only tests.
package difftest
