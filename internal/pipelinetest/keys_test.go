package pipelinetest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestGitHub_MasksUnusualKeys: the runner unescapes the text of a mask command, and masks
// single lines. A new value that cannot be a key is revoked.
func TestGitHub_MasksUnusualKeys(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		key    string
		status int
		masks  []string
		holds  string
	}{
		"percent":  {newKey + "%41%0A", 0, []string{newKey + "%2541%250A"}, newKey + "%41%0A"},
		"lines":    {newKey + "\n\n  second\\n%\rthird", 2, []string{newKey, `second\n%25`, "third"}, oldKey},
		"commands": {newKey + "\n::stop-commands::x\nkey=y", 2, []string{newKey, "::stop-commands::x", "key=y"}, oldKey},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := quickRun(t, w, "rotate", map[string]string{"provider": provider})
			const create = "Create the new key at the issuer"
			r.before = map[string]func(){create: func() { r.setNewKey(t, test.key) }}
			r.execute(t)
			want := "::add-mask::" + strings.Join(test.masks, "\n::add-mask::") + "\n"
			if r.status != test.status || r.printed[create] != want || r.outputs["steps.create.outputs.key"] != test.key {
				t.Errorf("the job ends with %d and prints %q, want %d and the masks %q", r.status, r.printed, test.status, want)
			}
			if test.status != 0 && !strings.Contains(r.printed["Rotate"], "is not in force: revoke it") {
				t.Errorf("the job does not tell people to revoke the new key, want it in: %s", r.printed["Rotate"])
			}
			w.assertKey(t, test.holds)
		})
	}
}

// A script that prints no key ends the job before anything is rotated.
func TestGitHub_StopsWithoutAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := quickRun(t, w, "rotate", map[string]string{"provider": provider})
	const create = "Create the new key at the issuer"
	r.before = map[string]func(){create: func() { r.setNewKey(t, "") }}
	r.execute(t)
	if _, rotated := r.printed["Rotate"]; r.status != 1 || rotated || !strings.Contains(r.printed[create], "::error::create-key.sh printed no key") {
		t.Errorf("the job ends with %d, want 1 and no rotation: %v", r.status, r.printed)
	}
	w.assertKey(t, oldKey)
}

// TestGitLabVariables checks that no input of the form sends the token to another server.
func TestGitLabVariables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another server gets %s %s, want no request", r.Method, r.URL)
	}))
	t.Cleanup(elsewhere.Close)
	r := runGitLab(t, w, "rotate", func(s *sandbox, claims map[string]any, env map[string]string) {
		dispatch(s, claims, env)
		env["VAULT_ADDR"], env["VAULTKIT_REPOSITORY"], env["VAULTKIT_REF"] = elsewhere.URL, "/nonexistent", "main"
		env["VAULTKIT_SHA256"] = strings.Repeat("0", 64)
	})
	if r.status != 0 {
		t.Errorf("the job ends with %d, want 0:\n%s", r.status, r.printed)
	}
	w.assertKey(t, newKey)
	w.assertLoggedOut(t, 2)
}
