package devvault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit/internal/logbuffer"

	"goblin/vaultkit/internal/short"
)

// start runs a server for the test.
func start(t *testing.T, o Options) *Server {
	t.Helper()
	short.RealOnly(t, "a server process")
	began := time.Now()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("started %s in %s", s.Version(), time.Since(began).Round(time.Millisecond))
	stopAtEnd(t, s)
	return s
}

// stopAtEnd stops the server when the test ends. Stop must return no error.
func stopAtEnd(t *testing.T, s *Server) {
	t.Helper()
	t.Cleanup(func() {
		began := time.Now()
		if err := s.Stop(); err != nil {
			t.Errorf("Stop = %v, want nil", err)
		}
		t.Logf("stopped in %s", time.Since(began).Round(time.Millisecond))
	})
}

// put and get keep one secret, in KV version 2.
func put(t *testing.T, s *Server, value string) {
	t.Helper()
	putAt(t, s.api, "x", value)
}

func get(t *testing.T, s *Server) (string, error) {
	t.Helper()
	return getAt(t, s.api, "x")
}

func putAt(t *testing.T, a *api, name, value string) {
	t.Helper()
	body := object{"data": object{"value": value}, "options": object{"cas": 0}}
	if err := a.call(t.Context(), http.MethodPost, "secret/data/"+name, body, nil); err != nil {
		t.Fatal(err)
	}
}

func getAt(t *testing.T, a *api, name string) (string, error) {
	t.Helper()
	var answer struct {
		Data struct {
			Data     map[string]string
			Metadata struct{ Version int }
		}
	}
	err := a.call(t.Context(), http.MethodGet, "secret/data/"+name, nil, &answer)
	if err == nil && answer.Data.Metadata.Version != 1 {
		err = fmt.Errorf("version %d, want 1", answer.Data.Metadata.Version)
	}
	return answer.Data.Data["value"], err
}

func wantSecret(t *testing.T, s *Server, want string) {
	t.Helper()
	if got, err := get(t, s); err != nil || got != want {
		t.Errorf("the secret is %q, %v, want %q", got, err, want)
	}
}

func TestStart(t *testing.T) {
	s := start(t, Options{})
	if os.Getenv(binVariable) == "" && s.Version() != "1.21.2" {
		t.Errorf("Version = %q, want the pinned 1.21.2", s.Version())
	}
	if !strings.HasPrefix(s.Addr(), "http://127.0.0.1:") {
		t.Errorf("Addr = %q, want a loopback address", s.Addr())
	}
	put(t, s, "v")
	wantSecret(t, s, "v")
	for path, want := range map[string][]string{
		"sys/mounts": {"secret/", "kv"},
		"sys/auth":   {"approle/", "kubernetes/"},
	} {
		var answer json.RawMessage
		if err := s.api.call(t.Context(), http.MethodGet, path, nil, &answer); err != nil {
			t.Fatal(err)
		}
		for _, text := range want {
			if !bytes.Contains(answer, []byte(text)) {
				t.Errorf("GET %s = %[3]s, want %[2]q in it", path, text, answer)
			}
		}
	}
}

func TestAuditLog(t *testing.T) {
	s := start(t, Options{})
	if s.AuditLog() == "" && os.Getenv(binVariable) != "" {
		return // an external server may refuse the device: see TestAuditRefused
	}
	put(t, s, "v")
	text, err := os.ReadFile(s.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		if !json.Valid(line) {
			t.Errorf("audit line %s, want JSON", line)
		}
	}
	if !bytes.Contains(text, []byte(`"path":"secret/data/x"`)) {
		t.Errorf("audit log %s, want the write in it", text)
	}
	if bytes.Contains(text, []byte(s.RootToken())) {
		t.Error("the audit log contains the root token, want it hashed")
	}
}

func TestStart_AuditDeviceRefused(t *testing.T) {
	short.RealOnly(t, "a server process or its build")
	refuse := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"errors":["cannot enable audit device via API"]}`, http.StatusBadRequest)
	}))
	defer refuse.Close()
	log := &logbuffer.Buffer{}
	s := &Server{node: node{binary: binary{path: "bao"}, api: newAPI(refuse.URL, &credentials{})}}
	if err := s.enableAudit(t.Context(), log); err != nil || s.AuditLog() != "" {
		t.Errorf("AuditLog of an external binary = %q, %v, want none and no error", s.AuditLog(), err)
	}
	if !strings.Contains(log.String(), "without an audit log") {
		t.Errorf("log = %q, want that there is no audit log", log)
	}
	s.binary.pinned = true
	if err := s.enableAudit(t.Context(), log); err == nil || !strings.Contains(err.Error(), "via API") {
		t.Errorf("enableAudit of the pinned binary = %v, want the server's error", err)
	}
}

func TestRestart_KeepsRaftData(t *testing.T) {
	s := start(t, Options{Raft: true})
	put(t, s, "v")
	addr := s.Addr()
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := get(t, s); err == nil {
		t.Error("get after Kill = nil, want an error")
	}
	if err := s.Kill(); err != nil {
		t.Errorf("second Kill = %v, want no error", err)
	}
	for _, from := range []string{"killed", "running"} {
		began := time.Now()
		if err := s.Restart(t.Context()); err != nil {
			t.Fatalf("Restart when %s = %v, want no error", from, err)
		}
		t.Logf("restarted when %s in %s", from, time.Since(began).Round(time.Millisecond))
		wantSecret(t, s, "v")
	}
	if s.Addr() != addr {
		t.Errorf("Addr after Restart = %[2]s, want %[1]s", addr, s.Addr())
	}
}

func TestSealAndUnseal(t *testing.T) {
	for _, raft := range []bool{false, true} {
		t.Run(fmt.Sprintf("raft=%v", raft), func(t *testing.T) {
			s := start(t, Options{Raft: raft})
			put(t, s, "v")
			if err := s.Seal(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := get(t, s); err == nil || !strings.Contains(err.Error(), "sealed") {
				t.Errorf("get at a sealed server = %v, want a 503", err)
			}
			if err := s.Unseal(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantSecret(t, s, "v")
		})
	}
}

func TestRestart_RefusesInMemoryServers(t *testing.T) {
	s := start(t, Options{})
	if err := s.Restart(t.Context()); err == nil || !strings.Contains(err.Error(), "Options.Raft") {
		t.Errorf("Restart = %v, want an error that says what to do", err)
	}
	put(t, s, "the refusal did no harm")
}

func TestStop(t *testing.T) {
	s := start(t, Options{Raft: true})
	proc, dir := s.proc, s.dir
	for range 2 {
		if err := s.Stop(); err != nil {
			t.Errorf("Stop = %v, want nil", err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stat(%s) after Stop = %v, want it removed", dir, err)
	}
	if !proc.ended() {
		t.Error("the process runs after Stop, want it ended")
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(s.Addr(), "http://")); err == nil {
		t.Error("the port accepts connections after Stop, want it closed")
	}
	if err := s.Restart(t.Context()); err == nil || !strings.Contains(err.Error(), "stopped") {
		t.Errorf("Restart after Stop = %v, want an error that says what to do", err)
	}
	if err := s.Kill(); err != nil {
		t.Errorf("Kill after Stop = %v, want no error", err)
	}
}

func TestStop_AfterKill(t *testing.T) {
	s := start(t, Options{})
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Errorf("Stop = %v, want nil", err)
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stat of the directory after Stop = %v, want it removed", err)
	}
}

func TestServer_PrintsNoSecret(t *testing.T) {
	s := start(t, Options{})
	wantNoSecret(t, s.keys, printed(t, s, s.keys, &s.node))
}

// printed returns everything that a server or cluster prints, by place.
func printed(t *testing.T, whole any, keys *credentials, nodes ...*node) map[string]string {
	t.Helper()
	places := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		places[verb] = fmt.Sprintf(verb, whole)
		places[verb+" in a struct"] = fmt.Sprintf(verb, struct{ S any }{whole})
		places[verb+" of the keys"] = fmt.Sprintf(verb, keys)
	}
	for _, n := range nodes {
		for _, file := range []string{n.configFile(), n.logFile()} {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			places[file] = string(text)
		}
	}
	return places
}

// wantNoSecret searches texts for the server's credentials, by place.
func wantNoSecret(t *testing.T, keys *credentials, texts map[string]string) {
	t.Helper()
	for place, text := range texts {
		for _, secret := range []string{keys.rootToken, keys.unsealKey} {
			if strings.Contains(text, secret) {
				t.Errorf("%s contains a secret, want none: %s", place, text)
			}
		}
	}
}

func TestServer_IgnoresTheEnvironment(t *testing.T) {
	t.Setenv("VAULT_LOG_LEVEL", "nonsense")
	t.Setenv("VAULT_API_ADDR", "http://example.invalid")
	home := t.TempDir()
	cache, err := os.UserCacheDir() // before HOME moves
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CACHE_HOME", cache)
	path, err := pinnedBinary(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(binVariable, path.path)
	t.Setenv("HOME", home)
	log := &logbuffer.Buffer{}
	s := start(t, Options{Log: log})
	put(t, s, "v")
	if entries, err := os.ReadDir(home); err != nil || len(entries) > 0 {
		t.Errorf("entries in HOME = %v, %v, want none", entries, err)
	}
	if !strings.Contains(log.String(), path.path) {
		t.Errorf("log = %s, want the binary's name in it", log)
	}
}

func TestFindBinary_OnPath(t *testing.T) {
	b, err := pinnedBinary(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	bao := filepath.Join(dir, "bao"+exeSuffix())
	if err := os.Link(b.path, bao); err != nil {
		if err := os.Symlink(b.path, bao); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(binVariable, "")
	t.Setenv("PATH", dir)
	got, err := findBinary(t.Context(), Options{UsePath: true, Log: &logbuffer.Buffer{}})
	if err != nil || got.path != bao || got.pinned {
		t.Errorf("findBinary = %+v, %v, want %s", got, err, bao)
	}
}

func TestFindBinary_NamedBinaryIsNotExecutable(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "nowhere"), t.TempDir(), "no-such-program"} {
		t.Setenv(binVariable, name)
		_, err := Start(t.Context(), Options{Log: &logbuffer.Buffer{}})
		if err == nil || !strings.Contains(err.Error(), binVariable) || !strings.Contains(err.Error(), name) {
			t.Errorf("findBinary of %s = %v, want an error that names the variable and its value", name, err)
		}
	}
}

func TestStart_ServerEndsDuringItsStart(t *testing.T) {
	short.RealOnly(t, "a server process or its build")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{node: node{binary: binary{path: self}, dir: t.TempDir()}}
	err = s.launch(t.Context(), 0)
	if !errors.Is(err, errPortInUse) || !strings.Contains(err.Error(), "bind: address already in use") {
		t.Errorf("Start = %v, want the end of the server's log", err)
	}
	// Another process may take the port between our choice and the server's
	// start: that is worth another port.
	runs, err := os.ReadFile(filepath.Join(s.dir, "runs"))
	if err != nil || len(runs) != portAttempts {
		t.Errorf("the server ran %d times, %v, want %d", len(runs), err, portAttempts)
	}
}

func TestStart_PortInUse(t *testing.T) {
	short.RealOnly(t, "a server process")
	l, err := net.Listen("tcp", loopback(0))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	_, err = Start(t.Context(), Options{Port: port})
	if err == nil || !strings.Contains(err.Error(), strconv.Itoa(port)) {
		t.Errorf("Start = %v, want an error that names the port", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if s := start(t, Options{Port: port}); s.Addr() != "http://"+loopback(port) {
		t.Errorf("Addr = %s, want port %d", s.Addr(), port)
	}
}

func TestStart_Canceled(t *testing.T) {
	short.RealOnly(t, "a server process or its build")
	if _, err := pinnedBinary(t.Context(), os.Stderr); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
}

func TestStart_ContextDoesNotLimitTheServer(t *testing.T) {
	short.RealOnly(t, "a server process or its build")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, err := Start(ctx, Options{})
	if err != nil {
		t.Fatal(err)
	}
	stopAtEnd(t, s)
	cancel()
	put(t, s, "v")
}
