package pipelinetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulttest"
)

// root is the path to the repository, and files the path to the tested files.
const (
	root  = "../../"
	files = root + "testdata/pipelines/"
)

// vaultkit is the path of the program, which is built for this run.
var vaultkit string

func TestMain(m *testing.M) {
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "VAULT_") { // the settings of the developer's own Vault
			_ = os.Unsetenv(name)
		}
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "vaultkit-pipelines-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	vaultkit = filepath.Join(dir, "vaultkit")
	build := exec.CommandContext(context.Background(), "go", "build", "-C", root, "-trimpath", "-buildvcs=false", "-o", vaultkit, "./cmd/vaultkit")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building vaultkit: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// The secrets of the tests, which no output may contain.
const (
	oldKey = "sk-canary-old"
	newKey = "sk-canary-new"
)

// provider is the provider that is rotated.
const provider = "openai-gpt4"

// world is a Vault for one test, set up by vault-setup.sh, with a provider, and the servers
// around it.
type world struct {
	*proxy
	root    *api.Client
	github  *vaulttest.Issuer
	gitlab  *vaulttest.Issuer
	caches  map[string][]byte // programs by the key of the cache
	grace   string            // instead of GitLab's 24h
	cluster *vaulttest.Cluster
	// private is a repository of vaultkit that needs a token, and the line of the page that gives it.
	private struct{ url, line string }
	pinned  string // instead of the checksum of the program
	// skeletons are the scripts of the page by their names, which jobs run in place of the usual ones.
	skeletons map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := newWorldWithoutSetup(t)
	w.setup(t)
	w.store(t, oldKey)
	return w
}

// newWorldWithoutSetup returns a world whose Vault is not set up.
func newWorldWithoutSetup(t *testing.T) *world {
	t.Helper()
	server := vaulttest.Start(t)
	w := &world{
		proxy: newProxy(t, server), root: vaulttest.RootOf(t, server),
		github: vaulttest.NewIssuer(), gitlab: vaulttest.NewIssuer(), caches: map[string][]byte{}, cluster: vaulttest.NewCluster(),
	}
	t.Cleanup(w.cluster.Close)
	t.Cleanup(w.github.Close)
	t.Cleanup(w.gitlab.Close)
	must(t, w.root.Sys().DisableAuthWithContext(t.Context(), "kubernetes")) // the server enables it at its start
	return w
}

const stored = vaulttest.Base + "/providers/" + provider

// store writes the provider's key as a foreign writer would.
func (w *world) store(t *testing.T, key string) {
	t.Helper()
	if _, err := w.root.KVv2(vaulttest.Mount).Put(t.Context(), stored, map[string]any{"api_key": key}); err != nil {
		t.Fatal(err)
	}
}

// assertKey fails the test unless this is the provider's key.
func (w *world) assertKey(t *testing.T, key string) {
	t.Helper()
	secret, err := w.root.KVv2(vaulttest.Mount).Get(t.Context(), stored)
	if err != nil {
		t.Fatal(err)
	}
	if secret.Data["api_key"] != key {
		t.Errorf("the key in force is another one, want %s", key)
	}
}

// records returns the audit records of the provider.
func (w *world) records(t *testing.T) (records []map[string]any) {
	t.Helper()
	for path, entry := range vaulttest.LookAt(t, w.root, "rotations/"+provider) {
		if len(entry.Versions) != 1 {
			t.Errorf("%s has %d versions, want 1", path, len(entry.Versions))
		}
		records = append(records, entry.Versions[1])
	}
	return records
}

// assertRecorded fails the test unless there is one committed record, with this actor and reason.
func (w *world) assertRecorded(t *testing.T, actor, reason string) {
	t.Helper()
	records := w.records(t)
	if len(records) != 1 {
		t.Fatalf("there are %d records, want 1", len(records))
	}
	for field, want := range map[string]string{"outcome": "committed", "actor": actor, "reason": reason} {
		if records[0][field] != want {
			t.Errorf("the record's %s is %q, want %q", field, records[0][field], want)
		}
	}
}

// assertRolledBack fails the test unless there is one record of a rollback, with this actor and reason.
func (w *world) assertRolledBack(t *testing.T, actor, reason string) {
	t.Helper()
	var found []map[string]any
	for _, record := range w.records(t) {
		if source, _ := record["source"].(string); strings.HasPrefix(source, "rollback:") {
			found = append(found, record)
		}
	}
	if len(found) != 1 || found[0]["actor"] != actor || found[0]["reason"] != reason {
		t.Errorf("the records of rollbacks are %v, want one by %s, with the reason %s", found, actor, reason)
	}
}

// assertRestricted fails the test unless the newest login gave a token with only this policy and a
// ttl of minutes, that can be revoked.
func (w *world) assertRestricted(t *testing.T, policy string) {
	t.Helper()
	got := w.lastLogin(t)
	if !slices.Equal(got.Policies, []string{policy}) || got.Seconds > 600 || got.Type != "service" {
		t.Errorf("the token has %v for %d s and the type %s, want %s for at most 600 s and service", got.Policies, got.Seconds, got.Type, policy)
	}
}

// assertLoggedOut fails the test unless this many tokens were issued and all of them are revoked.
func (w *world) assertLoggedOut(t *testing.T, count int) {
	t.Helper()
	tokens := w.tokens()
	if len(tokens) != count {
		t.Errorf("%d tokens were handed out, want %d", len(tokens), count)
	}
	for _, token := range tokens {
		if _, err := w.root.Auth().Token().LookupWithContext(t.Context(), token); err == nil {
			t.Error("a token is valid after its job, want it revoked")
		}
	}
}

// assertRevoked fails the test unless a job has revoked the old key, recorded it with this actor and
// reason, and says so.
func (w *world) assertRevoked(t *testing.T, s *sandbox, status int, printed, actor, reason string) {
	t.Helper()
	if got := s.revoked(t); status != 0 || got != provider+" "+oldKey+"\n" || !strings.Contains(printed, "Revoked the old keys of "+provider+", version 1, id ") {
		t.Errorf("the job ends with %d and revokes %q, want 0 and the old key:\n%s", status, got, printed)
	}
	if !strings.Contains(printed, "revoking [masked]") {
		t.Errorf("the job does not show what the script prints, want it masked:\n%s", printed)
	}
	recorded := 0
	for path, entry := range vaulttest.LookAt(t, w.root, "rotations/"+provider) {
		if record := entry.Versions[1]; strings.HasSuffix(path, ".revoked") && record["revoked_at"] != nil {
			recorded++
			if record["actor"] != actor || record["reason"] != reason {
				t.Errorf("the revocation is by %v for %v, want by %s for %s", record["actor"], record["reason"], actor, reason)
			}
		}
	}
	if recorded != 1 {
		t.Errorf("%d revocations are recorded, want 1", recorded)
	}
}

// secrets returns the texts that no output may contain.
func (w *world) secrets() []string {
	all := append([]string{oldKey, newKey, adminKey, w.server.RootToken()}, w.tokens()...)
	return append(append(all, w.github.Secrets()...), w.gitlab.Secrets()...)
}

// assertNoSecret fails the test if a text contains a secret.
func (w *world) assertNoSecret(t *testing.T, what, text string) {
	t.Helper()
	for _, secret := range w.secrets() {
		if strings.Contains(text, secret) {
			t.Errorf("%s contains a secret, want none:\n%s", what, text)
		}
	}
}
