package pipelinetest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sandbox is a machine for one job: a home, a workspace and a temporary directory, and a PATH
// with only the programs that jobs may use, each behind a script that records the arguments.
type sandbox struct {
	dir       string
	workspace string
	temp      string
	env       map[string]string
}

// programs are the programs that jobs may use.
var programs = []string{"cat", "env", "git", "go", "grep", "install", "mktemp", "rm", "sha256sum", "tee"}

func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	dir := t.TempDir()
	s := &sandbox{dir: dir, workspace: filepath.Join(dir, "workspace"), temp: filepath.Join(dir, "temp")}
	for _, one := range []string{"bin", "home", "workspace", "temp", "outside"} {
		must(t, os.Mkdir(filepath.Join(dir, one), 0o700))
	}
	s.env = map[string]string{
		"HOME": filepath.Join(dir, "home"), "TMPDIR": s.temp, "PATH": filepath.Join(dir, "bin"),
	}
	must(t, os.WriteFile(s.argv(), nil, 0o600))
	goSettings := []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOSUMDB", "GOTOOLCHAIN"}
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"env"}, goSettings...)...).Output()
	must(t, err)
	for i, value := range strings.Split(strings.TrimSuffix(string(out), "\n"), "\n") {
		s.env[goSettings[i]] = value
	}
	for _, program := range programs {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Fatalf("LookPath(%q) = %v, want the program: these tests run what a job runs", program, err)
		}
		s.install(t, program, path)
	}
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// install adds a program to the PATH, behind a script.
func (s *sandbox) install(t *testing.T, name, path string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(s.dir, "bin", name), fmt.Appendf(nil, noting, s.argv(), path), 0o700))
}

// note puts a program that the job has installed behind a script.
func (s *sandbox) note(t *testing.T, path string) {
	t.Helper()
	hidden := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	must(t, os.Rename(path, hidden))
	must(t, os.WriteFile(path, fmt.Appendf(nil, noting, s.argv(), hidden), 0o700))
}

// noting is a script that records its arguments and then becomes the program. The programs of a
// pipe record theirs at the same time, so each line is written at once.
const noting = `#!/bin/bash
printf '%%s %%s\n' "${0##*/}" "$*" >>%q
exec %q "$@"
`

func (s *sandbox) argv() string { return filepath.Join(s.dir, "argv") }

// arguments returns the arguments of every program so far.
func (s *sandbox) arguments(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(s.argv())
	must(t, err)
	return string(text)
}

// assertStarted fails the test unless a program was started with arguments that begin like
// this. Without this check, a program that is not recorded would seem to pass no secret.
func (s *sandbox) assertStarted(t *testing.T, program, arguments string) {
	t.Helper()
	if !strings.Contains(s.arguments(t), program+" "+arguments) {
		t.Errorf("no job started %s %s, want it started", program, arguments)
	}
}

// put writes a file of the job, below the workspace.
func (s *sandbox) put(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(s.workspace, name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, []byte(content), 0o700))
}

// outside returns the path of a file that does not belong to the job.
func (s *sandbox) outside(name string) string { return filepath.Join(s.dir, "outside", name) }

// scripts writes the scripts that each team writes itself. One prints a new key, which is in a
// file so that the script does not contain it; it refuses to run with the identity of the job. One
// checks that the key is the new one. One records which keys it revokes.
func (s *sandbox) scripts(t *testing.T) {
	t.Helper()
	must(t, os.WriteFile(s.outside("key"), []byte(newKey+"\n"), 0o600))
	s.put(t, "scripts/create-key.sh", fmt.Sprintf(`#!/bin/sh
[ -z "$ACTIONS_ID_TOKEN_REQUEST_TOKEN$ACTIONS_ID_TOKEN_REQUEST_URL$VAULTKIT_JWT_TOKEN" ] || exit 77
[ "$1" = %s ] && cat %q
`, provider, s.outside("key")))
	s.put(t, "scripts/try-key.sh", fmt.Sprintf("#!/bin/sh\n[ \"$VAULTKIT_KEY\" = \"$(cat %q)\" ]\n", s.outside("key")))
	s.put(t, "scripts/revoke-key.sh", fmt.Sprintf("#!/bin/sh\necho \"revoking $VAULTKIT_KEY\"\necho \"$VAULTKIT_PROVIDER $VAULTKIT_KEY\" >>%q\n", s.outside("revoked")))
}

// revoked returns the keys that revoke-key.sh revoked, each after the provider.
func (s *sandbox) revoked(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(s.outside("revoked"))
	if !errors.Is(err, fs.ErrNotExist) {
		must(t, err)
	}
	return string(text)
}

// shell runs a script as the runners of GitHub and GitLab do, with more variables. It returns
// the exit code and the output.
func (s *sandbox) shell(t *testing.T, dir, script string, more map[string]string) (status int, printed string) {
	t.Helper()
	file := s.outside("step.sh")
	must(t, os.WriteFile(file, []byte(script), 0o600))
	cmd := exec.CommandContext(t.Context(), "/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", file)
	cmd.Dir = dir
	all := maps.Clone(s.env)
	maps.Copy(all, more)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		cmd.Env = append(cmd.Env, name+"="+all[name])
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// assertNoSecrets fails the test if a job left a secret in a file or passed one to a program as an
// argument.
func (s *sandbox) assertNoSecrets(t *testing.T, w *world) {
	t.Helper()
	w.assertNoSecret(t, "an argument", s.arguments(t))
	for _, dir := range []string{"home", "workspace", "temp"} {
		err := filepath.WalkDir(filepath.Join(s.dir, dir), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() || strings.HasPrefix(path, s.workspace+"/source/") {
				return err
			}
			text, err := os.ReadFile(path)
			w.assertNoSecret(t, path, string(text))
			return err
		})
		must(t, err)
	}
}
