package memvault

import (
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"

	"goblin/vaultkit/internal/memvault/logical"
)

// seal serves sys/seal, which only a token with the right may call.
func (s *Server) seal(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		writeError(w, &logical.Error{Status: http.StatusMethodNotAllowed})
		return
	}
	request, err := decodeRequest(r)
	if err != nil {
		writeError(w, err)
		return
	}
	if err := s.sealAs(request); err != nil {
		writeError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) sealAs(r *logical.Request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sealed {
		return nil
	}
	if _, err := s.authorize(r, s.mounts.find(r.Path)); err != nil {
		return err
	}
	s.sealed = true
	return nil
}

// unseal serves sys/unseal, which needs the key and no token.
func (s *Server) unseal(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		writeError(w, &logical.Error{Status: http.StatusMethodNotAllowed})
		return
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = s.unsealWith(body)
	}
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, s.sealStatusBody())
}

func (s *Server) unsealWith(body []byte) error {
	data, err := decodeObject(body)
	if err != nil {
		return logical.Refuse("failed to parse JSON input: %s", err)
	}
	key, _ := data["key"].(string)
	if key == "" {
		return logical.Refuse("'key' must be specified in request body as JSON, or 'reset' set to true")
	}
	if !isKey(key) {
		return logical.Refuse("'key' must be a valid hex or base64 string")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.sealed {
		return nil
	}
	if key != s.about.unsealKey {
		return logical.Refuse("Unsealing process aborted; the key is wrong")
	}
	s.sealed = false
	return nil
}

func isKey(text string) bool {
	if _, err := hex.DecodeString(text); err == nil {
		return true
	}
	_, err := base64.StdEncoding.DecodeString(text)
	return err == nil
}
