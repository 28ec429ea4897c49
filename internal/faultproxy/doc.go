// Package faultproxy injects faults between a client and a real Vault server. Only tests
// import it.
//
// A [Proxy] listens on the loopback interface and forwards every request to the server. A
// [Rule] gets each request, numbered from 1, and chooses what happens to it:
//
//	p, err := faultproxy.New("http://127.0.0.1:8200")
//	…
//	p.SetRule(faultproxy.At(4, faultproxy.Lose())) // the 4th request is applied, its response is lost
//	err = rotate(p.URL())
//	p.SetRule(nil)
//
// The proxy is not a mock. A request counts as applied only if the real server answered
// it. [Request.Status] in the [Proxy.Log] is the server's status, so a test can check that
// its fault had the intended effect.
//
// # Why connections are never reused
//
// If a reused connection ends before the first byte of the response, net/http sends some
// requests again on its own: GET, HEAD, OPTIONS and TRACE, requests with an
// Idempotency-Key, and even a PUT of which nothing was written. That would hide a fault
// from the code under test and count the request twice. So the proxy closes each
// connection after one request (Connection: close), because requests on new connections
// are never sent again. It supports only HTTP/1.1, because HTTP/2 has other rules for
// sending again. Retries above net/http, such as the official Vault client's, are logged
// like any other request.
//
// # What is kept
//
// The log holds method, path, query, tag and status. Bodies and headers, and so secrets
// and tokens, are kept only during their request.
package faultproxy
