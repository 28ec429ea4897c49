package devvault

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit/internal/short"
)

const stubsDir = "server/stubs"

// TestStop_FailsIfAStubWasCalled makes a node look for its cluster with a cloud's API.
func TestStop_FailsIfAStubWasCalled(t *testing.T) {
	short.RealOnly(t, "a server process or its build")
	bin, err := pinnedBinary(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{binary: bin, dir: t.TempDir(), raft: true, id: "lonely", keys: &credentials{}}
	if err := n.launch(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	refused := n.api.call(t.Context(), http.MethodPost, "sys/storage/raft/join", object{"auto_join": "provider=aws"}, nil)
	if refused == nil || !strings.Contains(refused.Error(), "500") {
		t.Errorf("join with auto_join: %v, want a refusal", refused)
	}
	if want := "auto_join at a cloud: not in this server"; !n.logs(want) {
		t.Errorf("the server's log is\n%s\nwant %q in it", n.logTail(), want)
	}
	ended := n.stopForGood((*process).stop)
	if ended == nil || !strings.Contains(ended.Error(), "auto_join at a cloud") {
		t.Errorf("stopForGood() = %v, want an error that names the stub", ended)
	}
}

func TestFindStubCalls_NamesEachOnce(t *testing.T) {
	const log = "==> started\nstub called: b\n2026 [INFO] stub called: no, that is in the middle\r\n" +
		"stub called: a\r\nstub called: b\n"
	if err := findStubCalls([]byte(log)); err == nil || !strings.HasSuffix(err.Error(), ": a, b") {
		t.Errorf("findStubCalls() = %v, want an error that names a and b", err)
	}
	if err := findStubCalls([]byte("==> started\n[INFO] core: stub called: x\n")); err != nil {
		t.Errorf("findStubCalls() = %v for a log without a report, want nil", err)
	}
}

// TestStubs_AreListed compares go.mod's replacements with the stub modules and with the
// README's table.
func TestStubs_AreListed(t *testing.T) {
	replaced := map[string]string{} // directory by module
	for _, found := range regexp.MustCompile(`(?m)^\t(\S+) => \./(\S+)$`).FindAllStringSubmatch(readSource(t, "go.mod"), -1) {
		replaced[found[1]] = found[2]
	}
	var modules, listed []string
	for _, file := range stubFiles(t, "go.mod") {
		modules = append(modules, filepath.ToSlash(filepath.Dir(strings.TrimPrefix(file, "server/"))))
	}
	for _, found := range regexp.MustCompile("(?m)^\\| `(\\S+)` \\| \\[`(\\S+)`\\]\\((\\S+)\\) \\|").FindAllStringSubmatch(readSource(t, "README.md"), -1) {
		if module, dir := found[1], found[3]; replaced[module] != dir || "stubs/"+found[2] != dir {
			t.Errorf("README.md has %s in %s (%s), want %s as in go.mod", module, found[2], dir, replaced[module])
		}
		listed = append(listed, found[1])
	}
	directories := slices.Sorted(maps.Values(replaced))
	if slices.Sort(modules); !slices.Equal(directories, modules) || len(modules) == 0 {
		t.Errorf("go.mod replaces by %q, want the stubs %q", directories, modules)
	}
	delete(replaced, "goblin/stub") // replaces nothing of others
	if slices.Sort(listed); !slices.Equal(slices.Sorted(maps.Keys(replaced)), listed) {
		t.Errorf("README.md lists %q, want %q", listed, slices.Sorted(maps.Keys(replaced)))
	}
}

// TestStubs_ReportTheirCalls checks that every function of a stub reports its call, or is
// listed as harmless. Vault calls the harmless ones although it does not need what they
// replace.
func TestStubs_ReportTheirCalls(t *testing.T) {
	short.RealOnly(t, "a server process or its build")
	harmless := map[string]string{
		"stub.Called": "it makes the report", "kms.New": "SetConfig refuses",
		"kms.NoOption": "an option", "kms.WithLogger": "an option", "awskms.WithLogger": "an option",
		"awskms.WithDisallowEnvVars": "an option", "azurekeyvault.WithDisallowEnvVars": "an option",
		"alicloudkms.NewWrapper": "SetConfig refuses", "awskms.NewWrapper": "SetConfig refuses",
		"azurekeyvault.NewWrapper": "SetConfig refuses", "gcpckms.NewWrapper": "SetConfig refuses",
		"ocikms.NewWrapper": "SetConfig refuses",
		"discover.New":      "each Raft node makes one", "discover.WithProviders": "an option",
		"okta.WithToken": "an option", "okta.WithOrgUrl": "an option", "okta.WithCache": "an option",
		"cloudsqlconn.WithIAMAuthN": "an option", "cloudsqlconn.WithCredentialsJSON": "an option",
		"cloudsqlconn.WithDefaultDialOptions": "an option", "cloudsqlconn.WithPrivateIP": "an option",
		"cloudsqlconn.WithPSC": "an option",
		"mysql.RegisterDriver": "cloudsqlconn refuses", "pgxv4.RegisterDriver": "cloudsqlconn refuses",
		"option.WithUserAgent": "an option", "option.WithTokenSource": "an option",
		"admin.groupList.UserKey": "an option", "admin.groupList.Domain": "an option", "admin.groupList.Fields": "an option",
		"admin.userQuery.Context": "an option", "admin.userQuery.Projection": "an option",
		"admin.userQuery.CustomFieldMask": "an option", "admin.userQuery.Fields": "an option",
		"crypto.PGP": "a constructor", "crypto.Handle.Verify": "a constructor",
		"crypto.verification.VerificationKey": "an option",
		"crypto.Handle.KeyGeneration":         "a constructor", "crypto.generation.AddUserId": "an option",
		"crypto.generation.New": "an option",
		"crypto.Handle.Sign":    "a constructor", "crypto.signing.SigningKey": "an option",
		"crypto.signing.Detached": "an option",
	}
	seen := 0
	for _, file := range stubFiles(t, ".go") {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(file, stubsDir+"/stub/") == strings.Contains(parsed.Doc.Text(), "stands in for") {
			t.Errorf("%s: the comment of package %s = %q, want what it stands in for (package stub: nothing)",
				file, parsed.Name, parsed.Doc.Text())
		}
		for _, declared := range parsed.Decls {
			f, is := declared.(*ast.FuncDecl)
			if !is {
				continue
			}
			seen++
			name := parsed.Name.Name + "." + receiver(f) + f.Name.Name
			if reports(f) == (harmless[name] != "") {
				t.Errorf("%s: %s calls stub.Called: %t, want a call or a reason why it is harmless (%q)", file, name, reports(f), harmless[name])
			}
			delete(harmless, name)
		}
	}
	if len(harmless) > 0 {
		t.Errorf("the list of harmless functions has %v, want functions that exist", slices.Sorted(maps.Keys(harmless)))
	}
	if seen < 50 {
		t.Errorf("the stubs have %d functions, want at least 50", seen)
	}
}

// receiver returns the type of a method and a dot, or "" for a function.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	of := f.Recv.List[0].Type
	if pointer, is := of.(*ast.StarExpr); is {
		of = pointer.X
	}
	if generic, is := of.(*ast.IndexExpr); is {
		of = generic.X
	}
	return of.(*ast.Ident).Name + "."
}

// reports reports whether a function calls stub.Called.
func reports(f *ast.FuncDecl) (found bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		if call, is := n.(*ast.CallExpr); is {
			selected, is := call.Fun.(*ast.SelectorExpr)
			if is {
				of, is := selected.X.(*ast.Ident)
				found = found || is && of.Name == "stub" && selected.Sel.Name == "Called"
			}
		}
		return true
	})
	return found
}

// stubFiles returns the files below the stubs' directory with the given ending.
func stubFiles(t *testing.T, ending string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(stubsDir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ending) {
			files = append(files, filepath.ToSlash(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// readSource reads a file of the server's module.
func readSource(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("server", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
