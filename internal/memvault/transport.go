package memvault

import (
	"net/http"
	"net/http/httptest"
)

// Transport returns a transport that serves every request in the caller's goroutine,
// without a socket, so that it also works inside a testing/synctest bubble. It ignores
// the request's host.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ server *Server }

// RoundTrip serves the request.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	inner := r.Clone(r.Context())
	inner.RequestURI = r.URL.RequestURI()
	inner.RemoteAddr = "127.0.0.1:0"
	if inner.Body == nil {
		inner.Body = http.NoBody
	}
	defer func() { _ = inner.Body.Close() }()
	recorder := httptest.NewRecorder()
	t.server.web.ServeHTTP(recorder, inner)
	response := recorder.Result()
	response.Request = r
	if r.Method == http.MethodHead {
		response.Body = http.NoBody
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return response, nil
}
