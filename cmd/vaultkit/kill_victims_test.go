//go:build unix

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"goblin/vaultkit/internal/faulttest"
	"goblin/vaultkit/internal/vaulttest"
)

// victim is a command that is killed.
type victim struct {
	name    string
	prepare func(r *killRun, t *testing.T)
	args    func(r *killRun) []string
	wants   func(r *killRun) faulttest.Change
	rival   func(r *killRun, t *testing.T)
}

var victims = []victim{
	{name: "rotate", prepare: (*killRun).prepareNothing, args: (*killRun).rotates, wants: (*killRun).newKey, rival: (*killRun).rivalRotates},
	{name: "revoke-old", prepare: (*killRun).rotate, args: (*killRun).revokes, wants: (*killRun).nothing, rival: (*killRun).rivalRollsBack},
	{name: "restore", prepare: (*killRun).rotateAndDelete, args: (*killRun).restores, wants: (*killRun).oldKey,
		rival: (*killRun).rivalUndeletes},
}

// killRun is one run of the program, with its own provider.
type killRun struct {
	*killTest
	victim   victim
	history  *faulttest.History
	provider string
	key      string // the new key
	version  int    // the current version before the run
	id       string // of the rotation that made that version
	api      *providerAPI

	hasRival, killed bool
}

// begin stores and prepares a provider.
func (k *killTest) begin(t *testing.T, v victim) *killRun {
	t.Helper()
	r := &killRun{killTest: k, victim: v, provider: vaulttest.Name(t), key: uniqueKey(), version: 1}
	first := map[string]any{"api_key": uniqueKey(), "organization": "org"}
	r.history = faulttest.NewHistory(k.observer, r.provider)
	r.history.AddForeignWrite(vaulttest.Put(t, "providers/"+r.provider, first), first)
	v.prepare(r, t)
	r.api = newProviderAPI(t, r.history, first["api_key"].(string))
	return r
}

// prepareNothing prepares no more than the provider.
func (r *killRun) prepareNothing(*testing.T) {}

// uniqueKey returns a key that no other key contains.
func uniqueKey() string { return newKey() + "-" }

func (r *killRun) command(t *testing.T, address string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	token := r.rotator
	if r.victim.name == "revoke-old" {
		token = r.revoker
	}
	return r.killTest.command(t.Context(), address, token, r.key, r.victim.args(r)...)
}

func (r *killRun) responseOf(who string, out *bytes.Buffer, err error) faulttest.Response {
	response := newResponse(who, r.victim.wants(r), out, err)
	if r.victim.name == "revoke-old" {
		response.ID, response.NewVersion, response.Revoked = "", 0, r.id
	}
	return response
}

func (r *killRun) rotates() []string { return []string{"rotate", r.provider, "--new-key-stdin"} }

func (r *killRun) revokes() []string {
	return []string{"revoke-old", r.provider, r.id, "--ignore-other-providers", "--cmd", r.api.line()}
}

func (r *killRun) restores() []string {
	return []string{"rollback", r.provider, "--to", r.id, "--restore-deleted"}
}

func (r *killRun) newKey() faulttest.Change {
	return faulttest.Change{Merge: map[string]any{"api_key": r.key}}
}
func (r *killRun) oldKey() faulttest.Change {
	return faulttest.Change{Restore: r.id, OverDeleted: true}
}
func (r *killRun) nothing() faulttest.Change { return faulttest.Change{} }

// run runs the program as a rotator without faults.
func (r *killRun) run(t *testing.T, who, key string, wants faulttest.Change, args ...string) faulttest.Response {
	t.Helper()
	cmd, out := r.killTest.command(t.Context(), vaulttest.Server().Addr(), r.rotator, key, args...)
	response := newResponse(who, wants, out, cmd.Run())
	r.history.AddResponse(response)
	return response
}

func (r *killRun) rotateTo(t *testing.T, who, key string) faulttest.Response {
	t.Helper()
	return r.run(t, who, key, faulttest.Change{Merge: map[string]any{"api_key": key}}, "rotate", r.provider, "--new-key-stdin")
}

func (r *killRun) rotate(t *testing.T) {
	t.Helper()
	response := r.rotateTo(t, "earlier", uniqueKey())
	if response.Status != faulttest.Succeeded {
		t.Fatalf("vaultkit rotate %s = %+v, want success", r.provider, response)
	}
	r.id, r.version = response.ID, response.NewVersion
}

func (r *killRun) rotateAndDelete(t *testing.T) {
	t.Helper()
	r.rotate(t)
	if _, err := r.history.Check(t.Context()); err != nil {
		t.Fatalf("history.Check() = %v, want no error", err)
	}
	r.history.AddDeletion(r.version)
	deleteCurrent(t, r.provider)
}

// undelete makes the version before the run readable for the last check.
func (r *killRun) undelete(t *testing.T) {
	t.Helper()
	if err := r.observer.Undelete(t.Context(), r.provider, []int{r.version}); err != nil {
		t.Errorf("observer.Undelete() = %v, want no error", err)
	}
}

func (r *killRun) rivalRotates(t *testing.T) { r.rotateTo(t, "rival", uniqueKey()) }

func (r *killRun) rivalRollsBack(t *testing.T) {
	r.run(t, "rival", "", faulttest.Change{Restore: r.id}, "rollback", r.provider, "--to", r.id)
}

func (r *killRun) rivalUndeletes(t *testing.T) {
	r.undelete(t)
	r.rivalRollsBack(t)
}

// providerAPI is a provider's API that the revoke command calls. It checks whether the key
// is in force while the command waits.
type providerAPI struct {
	dir  string
	key  string
	ends sync.WaitGroup

	mu    sync.Mutex
	times int
}

// newProviderAPI starts an API that runs until the test ends.
func newProviderAPI(t *testing.T, history *faulttest.History, key string) *providerAPI {
	t.Helper()
	a := &providerAPI{dir: t.TempDir(), key: key}
	for _, name := range []string{a.requestPipe(), a.responsePipe()} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatalf("syscall.Mkfifo() = %v, want no error", err)
		}
	}
	api, err := history.NewProviderAPI(t.Context(), "the command", false)
	if err != nil {
		t.Fatalf("history.NewProviderAPI() = %v, want no error", err)
	}
	// Both ends stay open, so that opening does not wait.
	request, err1 := os.OpenFile(a.requestPipe(), os.O_RDWR, 0)
	response, err2 := os.OpenFile(a.responsePipe(), os.O_RDWR, 0)
	if err1 != nil || err2 != nil {
		t.Fatalf("os.OpenFile() = %v, want no error", errors.Join(err1, err2))
	}
	a.ends.Go(func() { a.serve(t, api, request, response) })
	t.Cleanup(func() {
		request.Close()
		response.Close()
		a.ends.Wait()
	})
	return a
}

func (a *providerAPI) requestPipe() string  { return filepath.Join(a.dir, "request") }
func (a *providerAPI) responsePipe() string { return filepath.Join(a.dir, "response") }

// line returns the revoke command. It uses only what is built into the shell.
func (a *providerAPI) line() string {
	return "echo revoke >'" + a.requestPipe() + "' && read response <'" + a.responsePipe() + "'"
}

func (a *providerAPI) serve(t *testing.T, api *faulttest.ProviderAPI, request, response *os.File) {
	for line := make([]byte, len("revoke\n")); ; {
		if _, err := request.Read(line); err != nil {
			return
		}
		a.mu.Lock()
		a.times++
		a.mu.Unlock()
		if err := api.AddRevoked(t.Context(), map[string]string{"api_key": a.key}); err != nil {
			t.Errorf("api.AddRevoked() = %v, want no error", err)
		}
		if _, err := response.WriteString("revoked\n"); err != nil {
			return
		}
	}
}

func (a *providerAPI) called() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.times > 0
}
