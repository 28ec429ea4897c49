package memvault_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"goblin/vaultkit/internal/memvault"
)

func TestAudit_HasTwoLinesForARequestAndNoSecret(t *testing.T) {
	var log bytes.Buffer
	s := memvault.New(memvault.Options{Audit: &log})
	c := client(t, s)
	c.AddHeader("X-Correlation-Id", "call-1")
	if _, err := c.KVv2("secret").Put(t.Context(), "a", map[string]any{"k": "fake-value"}); err != nil {
		t.Fatal(err)
	}
	secret, err := c.Logical().ReadWithContext(t.Context(), "secret/data/a")
	if err != nil {
		t.Fatal(err)
	}
	for _, hidden := range []string{"fake-value", s.RootToken()} {
		if strings.Contains(log.String(), hidden) {
			t.Errorf("the audit log holds a secret in clear text")
		}
	}
	var types []string
	for text := range bytes.Lines(log.Bytes()) {
		var line struct {
			Type    string
			Request struct {
				ID, Operation, Path string
				Headers             map[string][]string
			}
		}
		if err := json.Unmarshal(text, &line); err != nil {
			t.Fatal(err)
		}
		if line.Request.ID == secret.RequestID {
			types = append(types, line.Type+" "+line.Request.Operation+" "+line.Request.Path)
			if got := line.Request.Headers["x-correlation-id"]; len(got) != 1 || got[0] != "call-1" {
				t.Errorf("x-correlation-id of the %s line = %q, want call-1", line.Type, got)
			}
		}
	}
	if got, want := strings.Join(types, ", "), "request read secret/data/a, response read secret/data/a"; got != want {
		t.Errorf("lines with the read's request id = %s, want %s", got, want)
	}
}
