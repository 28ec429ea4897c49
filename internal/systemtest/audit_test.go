package systemtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulttest"
)

// auditHash returns the audit log's hash of a text.
func auditHash(t testing.TB, text string) string {
	t.Helper()
	secret, err := vaulttest.Root(t).Logical().WriteWithContext(t.Context(), "sys/audit-hash/file", map[string]any{"input": text})
	if err != nil {
		t.Fatal(err)
	}
	return secret.Data["hash"].(string)
}

// rotator returns a client whose token has only the rotator's policy, and the hash of the
// token's accessor in the audit log.
func rotator(t testing.TB) (client *vaultkit.Client, accessor string) {
	t.Helper()
	token := vaulttest.Token(t, vaulttest.Policy(t, "../../", "rotator"))
	secret, err := vaulttest.Root(t).Auth().Token().LookupWithContext(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	client = clienttest.New(t, vaultkit.WithToken(vaultkit.FromString(token)))
	return client, auditHash(t, secret.Data["accessor"].(string))
}

// audited returns the audit log's lines about a token from while f runs.
func audited(t testing.TB, accessor string, f func()) []vaulttest.AuditLine {
	t.Helper()
	before := len(vaulttest.AuditLog(t))
	f()
	return slices.DeleteFunc(vaulttest.AuditLines(t, vaulttest.AuditLog(t)[before:]), func(line vaulttest.AuditLine) bool { return line.Auth.Accessor != accessor })
}

// entryPath returns an entry's path as the audit log shows it.
func entryPath(endpoint string, segments ...string) string {
	return strings.Join(append([]string{vaulttest.Mount, endpoint, vaulttest.Base}, segments...), "/")
}

// TestAuditLogShowsTheProtocol checks the order of a rotation's requests: the protocol's
// five requests one after the other, the check of capabilities before the first write, two
// lists of revocations, and two lists to find unrecorded rotations. The record names the
// requests of the backup and the commit.
func TestAuditLogShowsTheProtocol(t *testing.T) {
	client, accessor := rotator(t)
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	var r *vaultkit.Rotation
	lines := audited(t, accessor, func() { r = clienttest.Rotate(t, client, p, "fake-new") })

	var steps, rights, lists []vaulttest.AuditLine // the latter two may overlap the first
	for _, line := range lines {
		if line.Error != "" {
			t.Errorf("%s has the error %q, want none", line, line.Error)
		}
		switch {
		case line.Request.Operation == "list":
			lists = append(lists, line)
		case line.Request.Path == "sys/capabilities-self" && len(steps) <= 2: // the read's
			rights = append(rights, line)
		default:
			steps = append(steps, line)
		}
	}
	if texts := texts(answered(t, rights)); !slices.Equal(texts, []string{"update sys/capabilities-self"}) {
		t.Errorf("requests before the first write = %q, want only the check of capabilities", texts)
	}
	got := answered(t, steps)
	want := []string{
		"read " + entryPath("data", "providers", p),
		"create " + entryPath("data", "backups", p, r.ID),
		"update " + entryPath("metadata", "backups", p, r.ID),
		"update " + entryPath("data", "providers", p),
		"create " + entryPath("data", "rotations", p, r.ID),
	}
	if texts := texts(got); !slices.Equal(texts, want) {
		t.Fatalf("Vault logged\n%s\nwant\n%s", strings.Join(texts, "\n"), strings.Join(want, "\n"))
	}
	directory := protocol.AttemptDirectories(p, map[string]any{"api_key": "fake-new"})[0]
	if texts := texts(lists); !slices.Equal(slices.Compact(slices.Sorted(slices.Values(texts))), []string{
		"list " + entryPath("metadata", "backups", p, ""), "list " + entryPath("metadata", "revocations", p, directory, ""),
		"list " + entryPath("metadata", "rotations", p, ""),
	}) || len(lists) != 8 {
		t.Errorf("Vault logged the lists %q, want two of revocations and one of each other, each with its response", texts)
	}
	history, err := client.History(t.Context(), p)
	logged := protocol.RequestIDs{Backup: got[1].Request.ID, Commit: got[3].Request.ID}
	if err != nil || len(history) != 1 || history[0].VaultRequestIDs != logged || r.VaultRequestIDs != logged {
		t.Errorf("records %+v, %v, want the request ids %+v", history, err, logged)
	}
}

// answered returns the requests among the lines. Each must be followed by its response,
// because the next request is sent after it.
func answered(t *testing.T, lines []vaulttest.AuditLine) []vaulttest.AuditLine {
	t.Helper()
	var requests []vaulttest.AuditLine
	for pair := range slices.Chunk(lines, 2) {
		if len(pair) != 2 || pair[0].Type != "request" || pair[1].Type != "response" || !reflect.DeepEqual(pair[0].Request, pair[1].Request) {
			t.Fatalf("audit lines %+v, want a request and its response", pair)
		}
		requests = append(requests, pair[0])
	}
	return requests
}

func texts(lines []vaulttest.AuditLine) []string {
	var texts []string
	for _, line := range lines {
		texts = append(texts, line.String())
	}
	return texts
}

// TestAuditLogShowsNoWriteOfARefusedRotation checks rotations that are refused before the
// backup.
func TestAuditLogShowsNoWriteOfARefusedRotation(t *testing.T) {
	client, accessor := rotator(t)
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	bad := errors.New("the provider's API says no")
	for name, tc := range map[string]struct {
		key  string
		opt  vaultkit.RotateOption
		want error
	}{
		"nothing to change": {"fake-old", vaultkit.WithActor("me"), vaultkit.ErrNoChange},
		"not valid":         {"fake-\xff", vaultkit.WithActor("me"), vaultkit.ErrInvalid},
		"not verified":      {"fake-new", vaultkit.WithVerify(func(context.Context, vaultkit.Target, vaultkit.ProviderKeys) error { return bad }), bad},
		"dry run":           {"fake-new", vaultkit.WithDryRun(), nil},
	} {
		lines := audited(t, accessor, func() {
			if _, err := client.Rotate(t.Context(), p, vaultkit.NewKey(tc.key), tc.opt); !errors.Is(err, tc.want) {
				t.Errorf("Rotate, %s = %v, want %v", name, err, tc.want)
			}
		})
		if !slices.ContainsFunc(lines, func(l vaulttest.AuditLine) bool { return l.String() == "read "+entryPath("data", "providers", p) }) {
			t.Errorf("Rotate, %s: requests = %q, want a read", name, texts(lines))
		}
		if slices.ContainsFunc(lines, vaulttest.AuditLine.Changes) {
			t.Errorf("Rotate, %s: requests = %q, want no write", name, texts(lines))
		}
	}
}

// TestAuditLogAndRecordHoldNoKey checks that the audit log has only hashes of a rotation's
// keys, and the record has not even these.
func TestAuditLogAndRecordHoldNoKey(t *testing.T) {
	client, _ := rotator(t)
	keys := []string{"fake-audited-old-key", "fake-audited-new-key"}
	p := vaulttest.PutProvider(t, map[string]any{"api_key": keys[0]})
	r := clienttest.Rotate(t, client, p, keys[1])

	record, err := json.Marshal(vaulttest.Snapshot(t, p)["rotations/"+p+"/"+r.ID])
	if err != nil || !bytes.Contains(record, []byte("vault_request_ids")) {
		t.Fatalf("record = %s, %v, want request ids", record, err)
	}
	log := vaulttest.AuditLog(t)
	for _, key := range keys {
		if bytes.Contains(log, []byte(key)) || bytes.Contains(record, []byte(key)) {
			t.Errorf("the audit log or the record contains %s, want neither", key)
		}
		if !bytes.Contains(log, []byte(auditHash(t, key))) {
			t.Errorf("the audit log has no hash of %s, want one", key)
		}
	}
}
