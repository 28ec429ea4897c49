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
	request, err := s.decodeRequest(r)
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
	data, err := s.decodeObject(body)
	if err != nil {
		return logical.Refuse("failed to parse JSON input: %s", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if reset, _ := data["reset"].(bool); reset {
		if !s.sealed {
			return logical.Refuse("vault is unsealed")
		}
		return nil
	}
	text, _ := data["key"].(string)
	if err := s.checkKey(text); err != nil {
		return err
	}
	s.sealed = false
	return nil
}

// checkKey refuses what is not the unseal key. A server that is not sealed takes any key of
// the right form.
func (s *Server) checkKey(text string) error {
	if text == "" {
		return logical.Refuse("'key' must be specified in request body as JSON, or 'reset' set to true")
	}
	key := decodeKey(text)
	switch {
	case key == nil:
		return logical.Refuse("'key' must be a valid hex or base64 string")
	case len(key) < 16:
		return logical.Refuse("invalid key: key is shorter than minimum 16 bytes")
	case s.sealed && text != s.about.unsealKey:
		return logical.Refuse("unable to retrieve stored keys: invalid key: failed to decrypt keys from storage: " +
			"error decrypting seal wrapped value\nerror decrypting using seal shamir: cipher: message authentication failed")
	default:
		return nil
	}
}

// decodeKey reads hex or base64. It returns nil if the text is neither.
func decodeKey(text string) []byte {
	if key, err := hex.DecodeString(text); err == nil {
		return key
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return key
}
