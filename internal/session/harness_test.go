package session_test

import (
	"bufio"
	"encoding/json"
	"os"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/session"
)

// lookup returns root's lookup of a token, or nil if the token is invalid.
func (h *harness) lookup(token string) *api.Secret {
	response, err := h.root.Auth().Token().Lookup(token)
	if err != nil {
		return nil
	}
	return response
}

func (h *harness) accessor(s *session.Session) string {
	h.Helper()
	response := h.lookup(s.Client().Token())
	if response == nil {
		h.Fatal("Lookup of the session's token fails, want a valid token")
	}
	return response.Data["accessor"].(string)
}

// revoke revokes the session's token.
func (h *harness) revoke(s *session.Session) {
	h.Helper()
	if err := h.root.Auth().Token().RevokeAccessor(h.accessor(s)); err != nil {
		h.Fatal(err)
	}
}

// requests returns how many requests to the path the audit log has.
func (h *harness) requests(path string) (count int) {
	h.Helper()
	file, err := os.Open(h.server.AuditLog())
	if err != nil {
		h.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var entry struct {
			Type    string
			Request struct{ Path string }
		}
		if err := json.Unmarshal(lines.Bytes(), &entry); err != nil {
			h.Fatal(err)
		}
		if entry.Type == "request" && entry.Request.Path == path {
			count++
		}
	}
	return count
}

func (h *harness) logins() int { h.Helper(); return h.requests("auth/" + h.mount + "/login") }
