package vaulttest

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// AuditLine is a line of Vault's audit log: a request or a response.
type AuditLine struct {
	Type    string
	Error   string
	Auth    struct{ Accessor string }
	Request struct{ ID, Operation, Path string }
}

// String returns the operation and the path.
func (l AuditLine) String() string { return l.Request.Operation + " " + l.Request.Path }

// Changes reports whether the request may write an entry.
func (l AuditLine) Changes() bool {
	return !slices.Contains([]string{"read", "list"}, l.Request.Operation) && l.Request.Path != "sys/capabilities-self"
}

// AuditLog returns the audit log of the package's Vault so far.
func AuditLog(t testing.TB) []byte {
	t.Helper()
	log, err := os.ReadFile(server.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// AuditLines parses an audit log or a part of it.
func AuditLines(t testing.TB, log []byte) []AuditLine {
	t.Helper()
	var lines []AuditLine
	for text := range bytes.Lines(log) {
		var line AuditLine
		if err := json.Unmarshal(text, &line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}

// AuditedPaths maps the request ids in Vault's audit log to their paths.
func AuditedPaths(t testing.TB) map[string]string {
	t.Helper()
	paths := make(map[string]string)
	for _, line := range AuditLines(t, AuditLog(t)) {
		paths[line.Request.ID] = line.Request.Path
	}
	return paths
}
