// Package faultproxy injects faults between a client and a real Vault server.
// Only tests import it.
//
// A [Proxy] listens on loopback and forwards every request to the server. A
// [Rule] looks at each request, numbered from 1, and picks what happens to it:
//
//	p, err := faultproxy.New("http://127.0.0.1:8200")
//	…
//	p.SetRule(faultproxy.At(4, faultproxy.Lose())) // the 4th request is applied, its answer is not
//	err = rotate(p.URL())
//	p.SetRule(nil)
//
// It is no mock: whatever counts as applied was forwarded to the real server
// and answered by it. [Request.Status] in the [Proxy.Log] says what the server
// answered, so a test can see that its fault did what it was meant to do.
//
// # Why connections are never reused
//
// net/http replays a GET, HEAD, OPTIONS or TRACE on its own, and anything that
// carries an Idempotency-Key, when a *reused* connection dies before the first
// byte of the answer; it replays even a PUT there if nothing of it had been
// written. A fault would then be repaired below the code under test, and the
// request counted twice. The proxy closes each connection after one request
// (Connection: close), so every request travels on a fresh connection, and
// those are never replayed. The HTTP version is always 1.1, because HTTP/2 has
// replay rules of its own. Retries above net/http, such as the official Vault
// client's, are seen and counted like any other request.
//
// # What is kept
//
// The log holds method, path, query, tag and status. Bodies and headers, hence
// secrets and tokens, live no longer than their request.
package faultproxy
