package session_test

import (
	"bufio"
	"encoding/json"
	"os"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/session"
)

// lookup is what root learns of a token; nil when it is gone.
func (h *harness) lookup(token string) *api.Secret {
	answer, err := h.root.Auth().Token().Lookup(token)
	if err != nil {
		return nil
	}
	return answer
}

func (h *harness) accessor(s *session.Session) string {
	h.Helper()
	answer := h.lookup(s.Client().Token())
	if answer == nil {
		h.Fatal("the session's token is gone")
	}
	return answer.Data["accessor"].(string)
}

// revoke ends the session's token from outside.
func (h *harness) revoke(s *session.Session) {
	h.Helper()
	if err := h.root.Auth().Token().RevokeAccessor(h.accessor(s)); err != nil {
		h.Fatal(err)
	}
}

// requests counts what the audit log holds for a path.
func (h *harness) requests(path string) (count int) {
	h.Helper()
	file, err := os.Open(server.AuditLog())
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
