package envformat_test

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goblin/vaultkit/internal/envformat"
)

var oneVariable = []envformat.Variable{{Name: "A", Value: "fake"}}

// write writes a file as the library does.
func write(path, format string, all []envformat.Variable) error {
	target, err := envformat.Open(path, format)
	if err != nil {
		return err
	}
	defer target.Close()
	return target.Write(all)
}

func content(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// assertFiles fails the test unless the directory contains exactly these files.
func assertFiles(t testing.TB, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	if strings.Join(found, " ") != strings.Join(names, " ") {
		t.Errorf("%s holds %q, want %q", dir, found, names)
	}
}

// TestWrite_ReplacesItsOwnFile replaces a file that vaultkit wrote by one in another format.
func TestWrite_ReplacesItsOwnFile(t *testing.T) {
	for _, before := range formats {
		for _, after := range formats {
			if before == "github" || after == "github" {
				continue
			}
			dir := t.TempDir()
			path := filepath.Join(dir, ".env.vault")
			for _, step := range []string{before, after} {
				if err := write(path, step, oneVariable); err != nil {
					t.Fatal(err)
				}
			}
			want, err := envformat.Encode(after, oneVariable)
			mark, rest, _ := strings.Cut(content(t, path), "\n")
			if _, plain, _ := strings.Cut(string(want), "{\n"); err != nil || rest != cmp.Or(plain, string(want)) || mark != "{\t \t" && mark[:2] != "# " {
				t.Errorf("write as %s after %s: the file holds %q, %v, want a mark and %q", after, before, content(t, path), err, want)
			}
			assertFiles(t, dir, ".env.vault")
		}
	}
}

// TestOpen_RefusesForeignFiles checks that a file of another program is not changed.
func TestOpen_RefusesForeignFiles(t *testing.T) {
	for name, text := range map[string]string{
		"a dotenv file": "KEY=fake-mine\n", "a comment": "# mine\nKEY=fake-mine\n", "JSON": "{\n  \"A\": \"mine\"\n}\n", "compact JSON": `{"A":"mine"}`,
		"a line break": "\n", "our mark below": "KEY=fake-mine\n# Written by vaultkit. It replaces this file as a whole.\n",
		"half our mark": "# Written by vaultkit.", "binary": "\x7fELF\x00",
	} {
		for _, format := range []string{"sh", "json"} {
			dir := t.TempDir()
			path := filepath.Join(dir, ".env.vault")
			put(t, path, text)
			err := write(path, format, oneVariable)
			why, ok := errors.AsType[*envformat.Refusal](err)
			if !ok || !strings.Contains(why.Detail, path) || why.Hint == "" || content(t, path) != text {
				t.Errorf("write as %s over %s = %v, the file holds %q, want a refusal and %q", format, name, err, content(t, path), text)
			}
			assertFiles(t, dir, ".env.vault")
		}
	}
	path := filepath.Join(t.TempDir(), "empty")
	put(t, path, "")
	if err := write(path, "sh", oneVariable); err != nil {
		t.Errorf("write over an empty file = %v, want success", err)
	}
}

func TestOpen_RefusesInvalidPaths(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{"", ".", "..", dir + "/", dir, dir + "/..", "/"} {
		if err := write(path, "sh", oneVariable); err == nil {
			t.Errorf("write(%q) = nil, want an error", path)
		}
	}
	if _, ok := errors.AsType[*envformat.Refusal](write(filepath.Join(dir, "a"), "csh", oneVariable)); !ok {
		t.Error("write in an unknown format returns no Refusal, want one")
	}
	if err := write(filepath.Join(dir, "nowhere", "a"), "sh", oneVariable); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("write into a directory that does not exist = %v, want ErrNotExist", err)
	}
	assertFiles(t, dir)
}

// TestWrite_ARefusedValueKeepsTheFile checks that a refused value leaves the old file
// unchanged.
func TestWrite_ARefusedValueKeepsTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, ".env.vault")
	if err := write(path, "docker", oneVariable); err != nil {
		t.Fatal(err)
	}
	before := content(t, path)
	if err := write(path, "docker", append(oneVariable, envformat.Variable{Name: "B", Value: "a\nb"})); err == nil {
		t.Error("write of a value of two lines as docker = nil, want an error")
	}
	if content(t, path) != before {
		t.Errorf("after a refused write the file holds %q, want %q", content(t, path), before)
	}
	assertFiles(t, dir, ".env.vault")
}

// TestWrite_AppendsToTheRunnersFile checks that the runner's file keeps its content and its
// mode.
func TestWrite_AppendsToTheRunnersFile(t *testing.T) {
	dir := t.TempDir()
	for before, kept := range map[string]variables{"": {}, "OLD<<E\nof others\nE\n": {"OLD": "of others"}, "OLD<<E\nof others\nE": {"OLD": "of others"}} {
		path := filepath.Join(dir, "env")
		put(t, path, before)
		t.Setenv("GITHUB_ENV", path)
		for range 2 {
			if err := write(path, "github", oneVariable); err != nil {
				t.Fatal(err)
			}
		}
		text := content(t, path)
		read, err := runner([]byte(text), false)
		kept["A"] = "fake"
		if err != nil || len(read) != len(kept) || read["A"] != "fake" || read["OLD"] != kept["OLD"] || strings.Count(text, "A<<vaultkit_") != 2 {
			t.Errorf("the runner reads %q, %v from %q, want %q", read, err, text, kept)
		}
		first, rest, _ := strings.Cut(strings.TrimPrefix(text, before), "<<")
		if delimiter, _, _ := strings.Cut(rest, "\n"); strings.TrimSpace(first) != "A" || strings.Count(text, delimiter) != 2 {
			t.Errorf("write uses a delimiter of the file again in %q, want a new one", text)
		}
	}
	if err := write(filepath.Join(dir, "nowhere"), "github", oneVariable); err == nil {
		t.Error("write as github to a file that does not exist = nil, want an error")
	}
	assertFiles(t, dir, "env")
}
