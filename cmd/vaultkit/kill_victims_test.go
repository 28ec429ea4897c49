//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"goblin/vaultkit/internal/faulttest"
	"goblin/vaultkit/internal/vaulttest"
)

// victim is what the program does when it is killed.
type victim struct {
	name    string
	prepare func(l *life, t *testing.T)
	args    func(l *life) []string
	wants   func(l *life) faulttest.Change
	rival   func(l *life, t *testing.T)
}

var victims = []victim{
	{name: "rotate", prepare: (*life).prepareNothing, args: (*life).rotates, wants: (*life).newKey, rival: (*life).rivalRotates},
	{name: "revoke-old", prepare: (*life).rotate, args: (*life).revokes, wants: (*life).nothing, rival: (*life).rivalRollsBack},
	{name: "restore", prepare: (*life).rotateAndDelete, args: (*life).restores, wants: (*life).oldKey, rival: (*life).rivalUndeletes},
}

// life is one run of the program on a provider of its own.
type life struct {
	*killing
	victim   victim
	history  *faulttest.History
	provider string
	key      string // what it rotates to
	version  int    // that it finds
	id       string // of the rotation that made that version
	api      *providerAPI

	contested, killed bool
}

// begin makes a provider.
func (k *killing) begin(t *testing.T, v victim) *life {
	t.Helper()
	l := &life{killing: k, victim: v, provider: vaulttest.Name(t), key: uniqueKey(), version: 1}
	first := map[string]any{"api_key": uniqueKey(), "organization": "org"}
	l.history = faulttest.NewHistory(k.observer, l.provider)
	l.history.AddForeignWrite(vaulttest.Put(t, "providers/"+l.provider, first), first)
	v.prepare(l, t)
	l.api = newProviderAPI(t, l.history, first["api_key"].(string))
	return l
}

// prepareNothing is for a program that needs no more than a provider.
func (l *life) prepareNothing(*testing.T) {}

// uniqueKey is a key that no other key contains.
func uniqueKey() string { return newKey() + "-" }

func (l *life) command(t *testing.T, address string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	token := l.rotator
	if l.victim.name == "revoke-old" {
		token = l.revoker
	}
	return l.killing.command(t.Context(), address, token, l.key, l.victim.args(l)...)
}

func (l *life) told(who string, out *bytes.Buffer, err error) faulttest.Response {
	response := responseOf(who, l.victim.wants(l), out, err)
	if l.victim.name == "revoke-old" {
		response.ID, response.NewVersion, response.Revoked = "", 0, l.id
	}
	return response
}

func (l *life) rotates() []string { return []string{"rotate", l.provider, "--new-key-stdin"} }

func (l *life) revokes() []string {
	return []string{"revoke-old", l.provider, l.id, "--ignore-other-providers", "--cmd", l.api.line()}
}

func (l *life) restores() []string {
	return []string{"rollback", l.provider, "--to", l.id, "--restore-deleted"}
}

func (l *life) newKey() faulttest.Change {
	return faulttest.Change{Merge: map[string]any{"api_key": l.key}}
}
func (l *life) oldKey() faulttest.Change  { return faulttest.Change{Restore: l.id, OverDeleted: true} }
func (l *life) nothing() faulttest.Change { return faulttest.Change{} }

// run is a run of the program by a rotator whom nothing disturbs.
func (l *life) run(t *testing.T, who, key string, wants faulttest.Change, args ...string) faulttest.Response {
	t.Helper()
	cmd, out := l.killing.command(t.Context(), vaulttest.Server().Addr(), l.rotator, key, args...)
	response := responseOf(who, wants, out, cmd.Run())
	l.history.AddResponse(response)
	return response
}

func (l *life) rotateTo(t *testing.T, who, key string) faulttest.Response {
	t.Helper()
	return l.run(t, who, key, faulttest.Change{Merge: map[string]any{"api_key": key}}, "rotate", l.provider, "--new-key-stdin")
}

func (l *life) rotate(t *testing.T) {
	t.Helper()
	response := l.rotateTo(t, "earlier", uniqueKey())
	if response.Status != faulttest.Succeeded {
		t.Fatal(response)
	}
	l.id, l.version = response.ID, response.NewVersion
}

func (l *life) rotateAndDelete(t *testing.T) {
	t.Helper()
	l.rotate(t)
	if _, err := l.history.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.history.AddDeletion(l.version)
	kv := vaulttest.Root(t).KVv2(vaulttest.Mount)
	if err := kv.Delete(t.Context(), vaulttest.Base+"/providers/"+l.provider); err != nil {
		t.Fatal(err)
	}
}

// undelete makes the version that the life began with readable, for the last check to
// read everything.
func (l *life) undelete(t *testing.T) {
	t.Helper()
	if err := l.observer.Undelete(t.Context(), l.provider, []int{l.version}); err != nil {
		t.Error(err)
	}
}

func (l *life) rivalRotates(t *testing.T) { l.rotateTo(t, "rival", uniqueKey()) }

func (l *life) rivalRollsBack(t *testing.T) {
	l.run(t, "rival", "", faulttest.Change{Restore: l.id}, "rollback", l.provider, "--to", l.id)
}

func (l *life) rivalUndeletes(t *testing.T) {
	l.undelete(t)
	l.rivalRollsBack(t)
}

// providerAPI is a provider's API that a command calls. At each call it checks whether the key
// is in force, while the command waits.
type providerAPI struct {
	dir  string
	key  string
	ends sync.WaitGroup

	mu    sync.Mutex
	times int
}

// newProviderAPI returns an API that serves until the test ends.
func newProviderAPI(t *testing.T, history *faulttest.History, key string) *providerAPI {
	t.Helper()
	i := &providerAPI{dir: t.TempDir(), key: key}
	for _, name := range []string{i.question(), i.answer()} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	asked, err := history.NewProviderAPI(t.Context(), "the command", false)
	if err != nil {
		t.Fatal(err)
	}
	// Both ends are held open, so that nobody waits for the other to come.
	question, err1 := os.OpenFile(i.question(), os.O_RDWR, 0)
	answer, err2 := os.OpenFile(i.answer(), os.O_RDWR, 0)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	i.ends.Go(func() { i.serve(t, asked, question, answer) })
	t.Cleanup(func() {
		question.Close()
		answer.Close()
		i.ends.Wait()
	})
	return i
}

func (i *providerAPI) question() string { return filepath.Join(i.dir, "question") }
func (i *providerAPI) answer() string   { return filepath.Join(i.dir, "answer") }

// line is the command; the shell needs no other program for it.
func (i *providerAPI) line() string {
	return "echo revoke >'" + i.question() + "' && read answer <'" + i.answer() + "'"
}

func (i *providerAPI) serve(t *testing.T, asked *faulttest.ProviderAPI, question, answer *os.File) {
	for line := make([]byte, len("revoke\n")); ; {
		if _, err := question.Read(line); err != nil {
			return
		}
		i.mu.Lock()
		i.times++
		i.mu.Unlock()
		if err := asked.AddRevoked(t.Context(), map[string]string{"api_key": i.key}); err != nil {
			t.Error(err)
		}
		if _, err := answer.WriteString("gone\n"); err != nil {
			return
		}
	}
}

func (i *providerAPI) asked() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.times > 0
}
