package session_test

import (
	"bufio"
	"encoding/json"
	"os"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/session"
)

// lookup is what root learns of a token; nil when it is gone.
func (w *world) lookup(token string) *api.Secret {
	answer, err := w.root.Auth().Token().Lookup(token)
	if err != nil {
		return nil
	}
	return answer
}

func (w *world) accessor(s *session.Session) string {
	w.Helper()
	answer := w.lookup(s.Client().Token())
	if answer == nil {
		w.Fatal("the session's token is gone")
	}
	return answer.Data["accessor"].(string)
}

// revoke ends the session's token from outside.
func (w *world) revoke(s *session.Session) {
	w.Helper()
	if err := w.root.Auth().Token().RevokeAccessor(w.accessor(s)); err != nil {
		w.Fatal(err)
	}
}

// requests counts what the audit log holds for a path.
func (w *world) requests(path string) (count int) {
	w.Helper()
	file, err := os.Open(server.AuditLog())
	if err != nil {
		w.Fatal(err)
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
			w.Fatal(err)
		}
		if entry.Type == "request" && entry.Request.Path == path {
			count++
		}
	}
	return count
}

func (w *world) logins() int { w.Helper(); return w.requests("auth/" + w.mount + "/login") }
