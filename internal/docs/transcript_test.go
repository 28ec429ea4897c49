//go:build unix

package docs

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit/internal/vaulttest"
)

// TestTranscriptsAreTrue runs the "console" blocks of each page, and compares what the commands
// print with what the page shows. All blocks of one section share a Vault, which is empty at first,
// and nobody has the vault command.
func TestTranscriptsAreTrue(t *testing.T) {
	bin := programs(t)
	must(t, os.Remove(filepath.Join(bin, "vault")))
	writeProgram(t, filepath.Join(bin, "vault"), "echo 'a transcript uses the vault command' >&2; exit 127")
	found := 0
	for _, p := range pages(t) {
		for _, section := range transcripts(t, p) {
			found++
			t.Run(p.name+"/"+slugOf(section.heading), func(t *testing.T) {
				t.Parallel()
				newStage(t, bin).play(section.commands)
			})
		}
	}
	if found == 0 {
		t.Error("the pages have no transcript, want at least one")
	}
}

// transcript holds the commands of one section.
type transcript struct {
	heading  string
	commands []typed
}

// typed is a command that somebody types, and what it prints.
type typed struct {
	at     string // its position
	who    string // before the $ of the prompt
	text   string
	output []string
}

// prompt begins a command: "job$ vaultkit list".
var prompt = regexp.MustCompile(`^([a-z]+)\$ (.+)$`)

func transcripts(t *testing.T, p page) (all []transcript) {
	t.Helper()
	for _, b := range p.blocks {
		if b.kind != "console" {
			continue
		}
		heading := p.headingBefore(b.line)
		if len(all) == 0 || all[len(all)-1].heading != heading {
			all = append(all, transcript{heading: heading})
		}
		last := &all[len(all)-1]
		commands := b.typed()
		if len(commands) == 0 {
			t.Errorf("%v: the transcript has no command, want a line like %q", b, "job$ vaultkit list")
		}
		last.commands = append(last.commands, commands...)
	}
	return all
}

// headingBefore returns the heading of the second level above a line.
func (p page) headingBefore(line int) (heading string) {
	for i, text := range p.prose {
		if i+1 < line && strings.HasPrefix(text, "## ") {
			heading = strings.TrimPrefix(text, "## ")
		}
	}
	return heading
}

// typed returns the commands of a console block. A command that ends in a backslash goes on in the
// next line.
func (b block) typed() (all []typed) {
	goesOn := false
	for i, line := range strings.Split(strings.TrimSuffix(b.text, "\n"), "\n") {
		match := prompt.FindStringSubmatch(line)
		switch {
		case goesOn:
			all[len(all)-1].text += "\n" + line
		case match != nil:
			all = append(all, typed{at: fmt.Sprintf("%s:%d", b.page, b.line+i), who: match[1], text: match[2]})
		case len(all) > 0:
			all[len(all)-1].output = append(all[len(all)-1].output, line)
			continue
		}
		goesOn = strings.HasSuffix(line, `\`)
	}
	return all
}

// stage is where the commands of a section run.
type stage struct {
	*testing.T
	bin, dir string
	people   map[string][]string // their variables
	printed  map[string]string   // the last value of each variable that a command printed
	server   vaulttest.Vault
}

// newStage starts an empty Vault, and what stands in for a Kubernetes cluster and for GitHub.
func newStage(t *testing.T, bin string) *stage {
	t.Helper()
	server, cluster, issuer := emptyVault(t), vaulttest.NewCluster(), vaulttest.NewIssuer()
	t.Cleanup(cluster.Close)
	t.Cleanup(issuer.Close)
	s := &stage{T: t, bin: bin, dir: t.TempDir(), printed: map[string]string{}, server: server}
	s.write("ca.pem", cluster.Config()["kubernetes_ca_cert"].(string))
	s.write("key.pem", issuer.StaticConfig()["jwt_validation_pubkeys"].(string))
	s.write("pod/token", cluster.JWTAt(server, "goblin", "key-rotation"))
	s.people = map[string][]string{
		"admin": {"VAULT_TOKEN=" + server.RootToken(), "API_SERVER=" + cluster.URL, "ISSUER=" + issuer.URL},
		"job":   nil,
		"pod":   nil,
		"ci": variablesOf(issuer.Job(map[string]any{
			"sub": "repo:goblin/assistant:environment:production", "repository": "goblin/assistant", "repository_id": "1001",
			"ref": "refs/heads/main", "environment": "production", "event_name": "workflow_dispatch",
			"workflow_ref": "goblin/assistant/.github/workflows/github-rotate.yml@refs/heads/main",
		})),
	}
	return s
}

// emptyVault starts a Vault without the mounts and the header that the other tests need.
func emptyVault(t *testing.T) vaulttest.Vault {
	t.Helper()
	server := vaulttest.Start(t)
	root := vaulttest.RootOf(t, server)
	for _, path := range []string{"sys/auth/approle", "sys/auth/kubernetes", "sys/mounts/secret", "sys/config/auditing/request-headers/X-Correlation-Id"} {
		_, err := root.Logical().DeleteWithContext(t.Context(), path)
		must(t, err)
	}
	return server
}

func variablesOf(values map[string]string) (env []string) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		env = append(env, name+"="+values[name])
	}
	return env
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

func (s *stage) write(name, text string) {
	s.Helper()
	must(s.T, os.MkdirAll(filepath.Dir(s.path(name)), 0o700))
	writeFile(s.T, s.path(name), text)
}

// asGiven names the stand-ins for a cluster and for GitHub, where the page names the real ones.
const asGiven = `set -euo pipefail
vaultkit() {
	case "$*" in
	setup*--kubernetes*) set -- "$@" --kubernetes-host "$API_SERVER" --kubernetes-ca ../ca.pem ;;
	setup*--github*) set -- "$@" --github-issuer "$ISSUER" --issuer-key ../key.pem ;;
	esac
	command vaultkit "$@"
}
`

// play runs the commands. Each person has variables and a directory, which stay from one command to the next.
func (s *stage) play(commands []typed) {
	s.Helper()
	for who := range s.people {
		must(s.T, os.MkdirAll(s.path(who), 0o700))
		s.write(who+"/state", "")
	}
	for _, c := range commands {
		env, known := s.people[c.who]
		if !known {
			s.Fatalf("%s: nobody is %q, want one of %q", c.at, c.who, slices.Sorted(maps.Keys(s.people)))
		}
		bash := exec.CommandContext(s.Context(), "bash", "-c", asGiven+"source ./state\n"+s.fill(c)+"\nexport -p >./state")
		bash.Dir = s.path(c.who)
		bash.Env = append([]string{"PATH=" + s.bin + string(filepath.ListSeparator) + os.Getenv("PATH"), "HOME=" + s.path(c.who), "USER=" + c.who,
			"VAULT_ADDR=" + s.server.Addr()}, env...)
		out, err := bash.CombinedOutput()
		if err != nil {
			s.Fatalf("%s: %s = %v, want success:\n%s", c.at, c.text, err, out)
		}
		s.note(string(out))
		if got := linesOf(string(out)); !matches(c.output, got) {
			s.Errorf("%s: %s printed\n%s\nwant\n%s", c.at, c.text, strings.Join(got, "\n"), strings.Join(c.output, "\n"))
		}
	}
}

var (
	assignment = regexp.MustCompile(`(\w+)=('[^']*'|\S+)`)
	left       = regexp.MustCompile(`(\w+)=…`)
)

// note keeps the values of variables that a command printed.
func (s *stage) note(out string) {
	for _, match := range assignment.FindAllStringSubmatch(out, -1) {
		s.printed[match[1]] = match[2]
	}
}

// podToken is the file of a pod's token in the pages and in testdata/pipelines/kubernetes.
const podToken = "/var/run/secrets/vault/token"

// fill puts the printed values in the place of "…" in a command: NAME=… is the last NAME. It also names
// the file of the pod's token.
func (s *stage) fill(c typed) string {
	s.Helper()
	text := strings.ReplaceAll(c.text, podToken, s.path("pod/token"))
	return left.ReplaceAllStringFunc(text, func(text string) string {
		name := strings.TrimSuffix(text, "=…")
		if s.printed[name] == "" {
			s.Fatalf("%s: no command printed %s before %s", c.at, name, c.text)
		}
		return name + "=" + s.printed[name]
	})
}

var spaces = regexp.MustCompile(`[ \t]+`)

// matches reports whether lines are as a page shows them. There, … is any text, and a line of …
// any lines. White space of any length is the same: a page shows columns as a terminal does.
func matches(want, got []string) bool {
	var pattern, text strings.Builder
	for _, line := range want {
		if strings.TrimSpace(line) == "…" {
			pattern.WriteString(`(?:.*\n)*?`)
			continue
		}
		pattern.WriteString(strings.ReplaceAll(regexp.QuoteMeta(plain(line)), "…", ".*") + "\n")
	}
	for _, line := range got {
		text.WriteString(plain(line) + "\n")
	}
	return regexp.MustCompile(`^` + pattern.String() + `$`).MatchString(text.String())
}

func plain(line string) string { return strings.TrimSpace(spaces.ReplaceAllString(line, " ")) }

// linesOf returns the lines of a text, none for an empty one.
func linesOf(text string) []string {
	if text = strings.TrimRight(text, "\n"); text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func TestTranscriptsMatchWholeOutputs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		want, got string
		matches   bool
	}{
		{"", "", true},
		{"", "x", false},
		{"a", "a", true},
		{"a", "a\nb", false},
		{"a\nb", "a", false},
		{"a … c", "a b c", true},
		{"a … c", "a b d", false},
		{"a\n…\nd", "a\nb\nc\nd", true},
		{"a\n…", "a", true},
		{"…\na", "b", false},
		{"a.c", "abc", false},
		{"id   …", "id\t1", true},
		{"ab", "a b", false},
		{"a\n\nb", "a\n\nb", true},
		{"a\n\nb", "a\nb", false},
	} {
		if got := matches(linesOf(test.want), linesOf(test.got)); got != test.matches {
			t.Errorf("matches(%q, %q) = %t, want %t", test.want, test.got, got, test.matches)
		}
	}
}

func TestTranscriptsAreParsed(t *testing.T) {
	t.Parallel()
	b := block{page: "a.md", line: 7, kind: "console", text: "admin$ one \\\n  two\nsaid\njob$ three\nme$ four\n"}
	want := []typed{{"a.md:7", "admin", "one \\\n  two", []string{"said"}}, {"a.md:10", "job", "three", nil}, {"a.md:11", "me", "four", nil}}
	got := b.typed()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("typed() = %q, want %q", got, want)
	}
}

func writeProgram(t *testing.T, name, script string) {
	t.Helper()
	must(t, os.WriteFile(name, []byte("#!/bin/sh\n"+script+"\n"), 0o700)) //nolint:gosec // the test runs it
}
