package docs

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestGoBlocksCompile builds every Go block of the pages: a program as it is, and
// statements in a function that has ctx and client.
func TestGoBlocksCompile(t *testing.T) {
	t.Parallel()
	repository, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	replace := map[string]string{} // for go build -overlay: files of this module, with their real paths
	own := []string{"build", "-o", os.DevNull, "-overlay", filepath.Join(dir, "overlay.json")}
	more := append(slices.Clone(own), "-modfile", moreModules(t, dir), "-mod=mod")
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.kind != "go" {
				continue
			}
			name := fmt.Sprintf("block%d", len(replace))
			file := filepath.Join(dir, name+".go")
			writeFile(t, file, goFile(b, repository))
			replace[filepath.Join(repository, "internal/docs", name, "main.go")] = file
			args := &own
			if authMethods.MatchString(b.text) {
				args = &more
			}
			*args = append(*args, "./internal/docs/"+name)
		}
	}
	if len(replace) == 0 {
		t.Fatal("the pages have no Go block, want at least one")
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "overlay.json"), string(overlay))
	for _, args := range [][]string{own, more} {
		build := exec.CommandContext(t.Context(), "go", args...)
		build.Dir = repository
		if out, err := build.CombinedOutput(); err != nil {
			t.Errorf("go build of the pages' blocks = %v, want success:\n%s", err, out)
		}
	}
}

// authMethods matches the import of an official auth method that this module does not need.
var authMethods = regexp.MustCompile(`"github.com/hashicorp/vault/api/auth/(aws|userpass)"`)

// moreModules writes this module's go.mod and go.sum with the auth methods that the module
// internal/authmethodtest tries, and returns the path of the go.mod.
func moreModules(t *testing.T, dir string) (path string) {
	t.Helper()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	path = filepath.Join(dir, "go.mod")
	requires := regexp.MustCompile(`(?m)^\tgithub.com/hashicorp/vault/api/auth/(aws|userpass) .*$`)
	found := requires.FindAllString(read("internal/authmethodtest/go.mod"), -1)
	writeFile(t, path, read("go.mod")+"\nrequire (\n"+strings.Join(found, "\n")+"\n)\n")
	writeFile(t, filepath.Join(dir, "go.sum"), read("go.sum")+read("internal/authmethodtest/go.sum"))
	return path
}

// imports are the packages that statements may use without an import.
var imports = []string{"context", "errors", "fmt", "log", "net/http", "os", "os/exec", "time", "github.com/hashicorp/vault/api", "goblin/vaultkit", "goblin/vaultkit/doctor", "goblin/vaultkit/envfile", "goblin/vaultkit/event", "goblin/vaultkit/policy", "goblin/vaultkit/verify"}

// readers are functions that a reader of the pages would have.
const readers = `
var (
	tryKey            func(ctx context.Context, key string) error
	newProviderClient func(key string) (*http.Client, error)
)
`

// goFile returns a block as a file whose errors name the page's lines.
func goFile(b block, repository string) string {
	at := fmt.Sprintf("//line %s:%d\n", filepath.Join(repository, b.page), b.line)
	if strings.HasPrefix(b.text, "package ") {
		return at + b.text
	}
	var file strings.Builder
	file.WriteString("package block\n\n")
	for _, name := range imports {
		if regexp.MustCompile(`\b`+filepath.Base(name)+`\.[A-Z]`).MatchString(b.text+readers) || name == "goblin/vaultkit" {
			fmt.Fprintf(&file, "import %q\n", name)
		}
	}
	file.WriteString(readers + "\nfunc _(ctx context.Context, client *vaultkit.Client) error {\n" + at + b.text + "\nreturn nil\n}\n")
	return file.String()
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
