//go:build unix

package tokenhelper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
)

const fakeToken = "hvs.fake-of-the-helper"

// writeFile writes a file with the mode, whatever the umask.
func writeFile(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// helper writes a helper and returns its path.
func helper(t *testing.T, script string, mode os.FileMode) string {
	t.Helper()
	return writeFile(t, filepath.Join(t.TempDir(), "helper"), "#!/bin/sh\n"+script+"\n", mode)
}

// configured returns a lookup of the variable that names a configuration.
func configured(t *testing.T, config string, mode os.FileMode) func(string) string {
	t.Helper()
	path := writeFile(t, filepath.Join(t.TempDir(), "config"), config, mode)
	return func(name string) string { return map[string]string{"VAULT_CONFIG_PATH": path}[name] }
}

// get finds the helper of a script and runs it.
func get(t *testing.T, script string) (token string, said []string, err error) {
	t.Helper()
	h, found := Find(configured(t, fmt.Sprintf("token_helper = %q", helper(t, script, 0o700)), 0o600))
	if !found {
		t.Fatal("Find finds no helper, want one")
	}
	token, err = h.Token(t.Context(), []string{"VAULT_ADDR=http://vault.invalid", "PATH=" + os.Getenv("PATH")}, func(line string) { said = append(said, line) })
	if err != nil && strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), fakeToken) {
		t.Error("the error contains what the helper printed")
	}
	return token, said, err
}

func TestToken(t *testing.T) {
	for name, tc := range map[string]struct {
		script string
		said   []string
	}{
		"prints a token":         {"echo " + fakeToken, nil},
		"prints white space":     {"printf '\\n  " + fakeToken + " \\n\\n'", nil},
		"gets its argument":      {`[ "$*" = get ] && echo ` + fakeToken, nil},
		"gets the environment":   {`[ "$VAULT_ADDR" = http://vault.invalid ] && [ -z "$HOME" ] && echo ` + fakeToken, nil},
		"has no input":           {`[ -z "$(cat)" ] && echo ` + fakeToken, nil},
		"prints the token twice": {"echo first >&2; echo token " + fakeToken + " >&2; echo " + fakeToken, []string{"first", "token ***"}},
		"leaves a process":       {"sleep 60 & echo " + fakeToken, nil},
	} {
		start := time.Now()
		token, said, err := get(t, tc.script)
		if token != fakeToken || err != nil || !slices.Equal(said, tc.said) {
			t.Errorf("Token of a helper that %s = %d bytes, %q, %v, want the token and %q", name, len(token), said, err, tc.said)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("Token of a helper that %s took %v, want about %v", name, took, grace)
		}
	}
}

func TestToken_Fails(t *testing.T) {
	for name, tc := range map[string]struct {
		script string
		kind   error
		text   string
	}{
		"has no token":      {"exit 0", vaultkit.ErrInvalid, "has no token"},
		"prints a line end": {"echo", vaultkit.ErrInvalid, "has no token"},
		"fails":             {"echo " + fakeToken + "; exit 3", vaultkit.ErrUnauthenticated, "status 3"},
		"is killed":         {"echo " + fakeToken + "; kill -9 $$", vaultkit.ErrUnauthenticated, "killed"},
		"prints too much":   {"head -c 100000 /dev/zero | tr '\\0' x", vaultkit.ErrInvalid, "more than"},
	} {
		if token, _, err := get(t, tc.script); !errors.Is(err, tc.kind) || token != "" || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("Token of a helper that %s = %d bytes, %v, want %v with %q", name, len(token), err, tc.kind, tc.text)
		}
	}
}

func TestToken_EndsWithItsContext(t *testing.T) {
	h := &Helper{path: helper(t, "exec sleep 60", 0o700)}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := h.Token(ctx, os.Environ(), func(string) {})
	if !errors.Is(err, vaultkit.ErrUnauthenticated) || !strings.Contains(err.Error(), "--timeout") || time.Since(start) > 10*time.Second {
		t.Errorf("Token of a helper that hangs = %v after %v, want ErrUnauthenticated that names --timeout", err, time.Since(start))
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := h.Token(ctx, os.Environ(), func(string) {}); !errors.Is(err, context.Canceled) || errors.Is(err, vaultkit.ErrUnauthenticated) {
		t.Errorf("Token of a canceled command = %v, want Canceled alone", err)
	}
}

// TestFind_RefusesAnUnsafeHelper checks that vaultkit runs only a program that is certainly the user's.
func TestFind_RefusesAnUnsafeHelper(t *testing.T) {
	script := "echo ran >&2; echo " + fakeToken
	good := helper(t, script, 0o700)
	directory := t.TempDir()
	shared := filepath.Join(t.TempDir(), "shared")
	if err := os.Mkdir(shared, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(shared, 0o777); err != nil { //nolint:gosec // the mode that is refused
		t.Fatal(err)
	}
	replaceable, link := writeFile(t, filepath.Join(shared, "helper"), "#!/bin/sh\n"+script+"\n", 0o700), filepath.Join(directory, "link")
	if err := os.Symlink(replaceable, link); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		config string
		mode   os.FileMode
		text   string
	}{
		"relative":              {`token_helper = "helper"`, 0o600, "absolute path"},
		"in the home":           {`token_helper = "~/helper"`, 0o600, "absolute path"},
		"missing":               {`token_helper = "` + directory + `/missing"`, 0o600, "no such file"},
		"a directory":           {`token_helper = "` + directory + `"`, 0o600, "not a regular file"},
		"not executable":        {`token_helper = "` + helper(t, script, 0o600) + `"`, 0o600, "not executable"},
		"writable by a group":   {`token_helper = "` + helper(t, script, 0o770) + `"`, 0o600, "chmod go-w"},
		"writable by all":       {`token_helper = "` + helper(t, script, 0o707) + `"`, 0o600, "chmod go-w"},
		"in a writable config":  {`token_helper = "` + good + `"`, 0o666, "chmod go-w"},
		"in a shared directory": {`token_helper = "` + replaceable + `"`, 0o600, "chmod o-w"},
		"a link to there":       {`token_helper = "` + link + `"`, 0o600, "chmod o-w"},
		"a list":                {`token_helper = ["` + good + `"]`, 0o600, "not a configuration"},
		"of another program":    {"$ANSIBLE_VAULT;1.1;AES256\n6238", 0o600, "not a configuration"},
		"with a control code":   {`token_helper = "/tmp/\u001b[2J"`, 0o600, "control characters"},
	} {
		h, found := Find(configured(t, tc.config, tc.mode))
		if !found {
			t.Errorf("Find(%s) = none, want one with an error", name)
			continue
		}
		_, err := h.Token(t.Context(), os.Environ(), func(string) { t.Errorf("the helper %s ran", name) })
		if !errors.Is(err, vaultkit.ErrInvalid) || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("Token of a helper that is %s = %v, want ErrInvalid with %q", name, err, tc.text)
		}
		if strings.ContainsRune(h.String()+err.Error(), '\x1b') || strings.Contains(h.String(), directory) {
			t.Errorf("a helper that is %s prints as %q", name, h)
		}
	}
}

func TestFind(t *testing.T) {
	home, path := t.TempDir(), helper(t, "echo "+fakeToken, 0o755)
	t.Setenv("HOME", home)
	none := func(string) string { return "" }
	if h, found := Find(none); found {
		t.Errorf("Find without a configuration = %v, want none", h)
	}
	for _, empty := range []string{"", "# nothing", `token_helper = ""`} {
		if h, found := Find(configured(t, empty, 0o666)); found {
			t.Errorf("Find of %q = %v, want none", empty, h)
		}
	}
	for _, text := range []string{`token_helper = "` + path + `"`, `{"token_helper": "` + path + `"}`} {
		writeFile(t, filepath.Join(home, ".vault"), text, 0o644)
		for _, variable := range []string{"", "~/.vault"} {
			h, found := Find(func(string) string { return variable })
			if !found || h.err != nil || h.String() != "token helper "+path {
				t.Errorf("Find of %s, VAULT_CONFIG_PATH=%q = %v, %t, want the helper", text, variable, h, found)
			}
		}
	}
}
