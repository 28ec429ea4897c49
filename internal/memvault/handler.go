package memvault

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"unicode"

	"goblin/vaultkit/internal/memvault/jsonlimit"
	"goblin/vaultkit/internal/memvault/logical"
)

// maxBody is the largest request that Vault reads.
const maxBody = 32 << 20

// flatPaths are the paths whose responses repeat the members of data at the top level.
var flatPaths = []string{
	"/v1/sys/audit", "/v1/sys/audit/", "/v1/sys/audit-hash/", "/v1/sys/auth", "/v1/sys/auth/",
	"/v1/sys/config/auditing/request-headers", "/v1/sys/config/auditing/request-headers/",
	"/v1/sys/capabilities", "/v1/sys/capabilities-accessor", "/v1/sys/capabilities-self",
	"/v1/sys/mounts", "/v1/sys/mounts/", "/v1/sys/policy", "/v1/sys/policy/", "/v1/sys/remount", "/v1/sys/wrapping/wrap",
}

// Handler returns the server's HTTP API.
func (s *Server) Handler() http.Handler { return s.web }

// newHandler builds the API. http.ServeMux is a part of the behaviour: Vault has one too,
// and it redirects a path that is not clean.
func (s *Server) newHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/sys/health", s.outsideNamespaces(s.health))
	mux.HandleFunc("/v1/sys/seal-status", s.sealStatus)
	mux.HandleFunc("/v1/sys/leader", s.leader)
	mux.HandleFunc("/v1/sys/init", s.outsideNamespaces(s.initStatus))
	mux.HandleFunc("/v1/sys/seal", s.outsideNamespaces(s.seal))
	mux.HandleFunc("/v1/sys/unseal", s.outsideNamespaces(s.unseal))
	for _, path := range flatPaths {
		mux.Handle(path, s.logical(true))
	}
	mux.Handle("/v1/", s.logical(false))
	return printable(s.limited(mux))
}

// printable refuses a path with a character that cannot be printed.
func printable(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, c := range r.URL.Path {
			if !unicode.IsPrint(c) {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// limited reads the body and refuses JSON that is too complex, before anything else looks
// at the request.
func (s *Server) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if refusal := s.refuseBody(body, err); refusal != nil {
			writeError(w, refusal)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// refuseBody returns the refusal of a body that cannot be read or is too complex, or nil. A
// body that is too large may be too complex before its limit.
func (s *Server) refuseBody(body []byte, unread error) error {
	if s.OpenBao() && unread == nil {
		if refusal := refuseComplex(body); refusal != nil {
			return refusal
		}
	}
	var complexity error
	if !s.OpenBao() {
		complexity = jsonlimit.Check(body)
	}
	if unread == nil && complexity == nil {
		return nil
	}
	refusal := &logical.Error{Status: http.StatusInternalServerError}
	if unread == nil || complexity != nil && !errors.Is(complexity, jsonlimit.ErrEnded) {
		refusal.Text = complexity.Error()
		return refusal
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](unread); tooLarge {
		refusal.Status = http.StatusRequestEntityTooLarge
	}
	refusal.Text = unread.Error()
	return refusal
}

// logical serves what is not served by HTTP handlers of its own.
func (s *Server) logical(flat bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := refuseForwarding(r.Header); err != nil {
			writeError(w, err)
			return
		}
		request, err := s.decodeRequest(r)
		if err != nil {
			writeError(w, err)
			return
		}
		response, err := s.handle(request)
		respond(w, request, response, err, flat)
	})
}

// respond writes what an engine returned.
func respond(w http.ResponseWriter, r *logical.Request, response *logical.Response, err error, flat bool) {
	if err != nil {
		writeError(w, err)
		return
	}
	if response.Missing(r.Operation) {
		writeError(w, &logical.Error{Status: http.StatusNotFound})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if response == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	body, err := response.Encode(r.ID, flat)
	if err != nil {
		writeError(w, logical.Internal(err))
		return
	}
	w.WriteHeader(response.HTTPStatus())
	_, _ = w.Write(body) //nolint:gosec // JSON, as its Content-Type says; the client may have gone away
}

func writeError(w http.ResponseWriter, err error) {
	refusal := logical.AsError(err)
	body, err := refusal.Encode()
	if err != nil {
		body = nil // cannot happen: texts and decoded JSON encode
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(refusal.Status)
	_, _ = w.Write(append(body, '\n')) //nolint:gosec // JSON, as its Content-Type says
}
