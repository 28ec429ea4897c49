package vaultkit_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/envfile"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
)

// pair stores two providers and returns a query for them, and the environment that Environ should
// return.
func pair(t *testing.T) (query vaultkit.EnvQuery, environ []string) {
	t.Helper()
	one := vaulttest.PutProvider(t, map[string]any{"api_key": "fake 'one'\n", "n": 7, "on": true})
	two := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-two", "empty": ""})
	name := func(provider, field string) string {
		return strings.ToUpper(strings.ReplaceAll(provider, "-", "_")) + "_" + field
	}
	environ = []string{
		name(one, "API_KEY") + "=fake 'one'\n", name(one, "N") + "=7", name(one, "ON") + "=true",
		name(two, "API_KEY") + "=fake-two", name(two, "EMPTY") + "=",
	}
	slices.Sort(environ)
	return vaultkit.EnvQuery{Providers: []string{two, one, two}}, environ
}

func namesOf(environ []string) (names []string) {
	for _, one := range environ {
		name, _, _ := strings.Cut(one, "=")
		names = append(names, name)
	}
	return names
}

func TestEnviron(t *testing.T) {
	client := clienttest.NewWithPolicy(t, vaulttest.Policy(t, "", "reader"))
	query, want := pair(t)
	var progress []string
	query.Progress = func(done, total int) { progress = append(progress, fmt.Sprintf("%d/%d", done, total)) }
	got, err := client.Environ(t.Context(), query)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Environ = %q, %v, want %q", got, err, want)
	}
	if text := strings.Join(progress, " "); text != "0/2 1/2 2/2" {
		t.Errorf("Progress was called with %s, want 0/2 1/2 2/2", text)
	}
	query.Prefix = "my_"
	got, err = client.Environ(t.Context(), query)
	for i := range want {
		want[i] = "my_" + want[i]
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Environ(Prefix: my_) = %q, %v, want %q", got, err, want)
	}
}

// Without names, Environ leaves out the deleted providers, and no others.
func TestEnviron_LeavesOutDeletedProviders(t *testing.T) {
	base := "environ-of-all"
	client := clienttest.New(t, vaultkit.WithBasePath(base))
	if got, err := client.Environ(t.Context(), vaultkit.EnvQuery{}); err != nil || got == nil || len(got) != 0 {
		t.Errorf("Environ of no provider = %#v, %v, want an empty list", got, err)
	}
	kv := vaulttest.Root(t).KVv2(vaulttest.Mount)
	var want []string
	for i := range 50 {
		name := fmt.Sprintf("p%02d", i)
		if _, err := client.PutProviderKeys(t.Context(), name, vaultkit.ProviderKeys{"api_key": "fake-" + name}); err != nil {
			t.Fatalf("PutProviderKeys = %v, want no error", err)
		}
		var err error
		switch i {
		case 3:
			err = kv.Delete(t.Context(), base+"/providers/"+name)
		case 4:
			err = kv.Destroy(t.Context(), base+"/providers/"+name, []int{1})
		default:
			want = append(want, fmt.Sprintf("P%02d_API_KEY=fake-p%02d", i, i))
		}
		if err != nil {
			t.Fatalf("Delete or Destroy of %s = %v, want no error", name, err)
		}
	}
	got, err := client.Environ(t.Context(), vaultkit.EnvQuery{})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Environ = %q, %v, want %q", got, err, want)
	}
	for named, kind := range map[string]error{
		"p03": vaultkit.ErrDeleted, "p04": vaultkit.ErrDestroyed, "nobody": vaultkit.ErrNotFound,
	} {
		got, err := client.Environ(t.Context(), vaultkit.EnvQuery{Providers: []string{"p00", named}})
		failed, _ := errors.AsType[*vaultkit.Error](err)
		if !errors.Is(err, kind) || got != nil || failed.Provider != named || failed.Op != "Environ" {
			t.Errorf("Environ(%s) = %q, %v, want %v", named, got, err, kind)
		}
	}
}

// After an error, none of the three calls has returned, set or written anything.
func TestEnviron_FailsAsAWhole(t *testing.T) {
	fine, fault := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-fine"}), vaulttest.Name(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	reader := clienttest.NewWithPolicy(t, strings.ReplaceAll(vaulttest.Policy(t, "", "reader"), "providers/+", "providers/"+fine))
	root := clienttest.New(t)
	type fields = map[string]any
	put := func(name string, stored fields) string {
		vaulttest.Put(t, "providers/"+name, stored)
		return name
	}
	of := func(providers ...string) vaultkit.EnvQuery { return vaultkit.EnvQuery{Providers: providers} }
	for name, tc := range map[string]struct {
		ctx    context.Context
		client *vaultkit.Client
		query  vaultkit.EnvQuery
		want   error
		says   []string
	}{
		"denied":    {t.Context(), reader, of(fine, put(fault, fields{"a": "1"})), vaultkit.ErrPermissionDenied, []string{fault}},
		"missing":   {t.Context(), root, of(fine, "nobody"), vaultkit.ErrNotFound, []string{"nobody"}},
		"cancelled": {ctx, root, of(fine), context.Canceled, nil},
		"name":      {t.Context(), root, of(fine, "a/b"), vaultkit.ErrInvalid, nil},
		"prefix":    {t.Context(), root, vaultkit.EnvQuery{Providers: []string{fine}, Prefix: "1"}, vaultkit.ErrInvalid, []string{"prefix"}},
		"collision": {t.Context(), root, of(fine, put("env-clash", fields{"a-b": "fake-1", "a.b": "fake-2"})), vaultkit.ErrInvalid,
			[]string{`field "a-b" of env-clash`, `field "a.b" of env-clash`, "ENV_CLASH_A_B"}},
		"across providers": {t.Context(), root, of(put("env-a", fields{"b_c": "fake-1"}), put("env-a-b", fields{"c": "fake-2"})),
			vaultkit.ErrInvalid, []string{`field "b_c" of env-a `, `field "c" of env-a-b `, "ENV_A_B_C"}},
		"digit": {t.Context(), root, of(fine, put("4o", fields{"api_key": "fake-1"})),
			vaultkit.ErrInvalid, []string{"4O_API_KEY", "prefix"}},
		"dangerous": {t.Context(), root, of(fine, put("ld", fields{"preload": "fake-1"})),
			vaultkit.ErrInvalid, []string{"LD_PRELOAD", `field "preload" of ld`}},
		"NUL": {t.Context(), root, of(fine, put("env-nul", fields{"k": "fake\x00-1"})),
			vaultkit.ErrInvalid, []string{"NUL", "env-nul", `field "k"`}},
		"null":  {t.Context(), root, of(fine, put("env-null", fields{"k": nil})), vaultkit.ErrInvalid, []string{"env-null", `field "k"`}},
		"masks": {t.Context(), root, vaultkit.EnvQuery{Providers: []string{fine}, Masks: brokenPipe{}}, fs.ErrClosed, []string{"masks"}},
	} {
		t.Run(name, func(t *testing.T) {
			before, path := os.Environ(), filepath.Join(t.TempDir(), ".env.vault")
			environ, err1 := tc.client.Environ(tc.ctx, tc.query)
			loaded, err2 := tc.client.LoadEnv(tc.ctx, tc.query)
			written, err3 := tc.client.WriteEnvFile(tc.ctx, path, envfile.Sh, tc.query)
			for op, err := range map[string]error{"Environ": err1, "LoadEnv": err2, "WriteEnvFile": err3} {
				if !errors.Is(err, tc.want) || !strings.HasPrefix(err.Error(), "vaultkit: "+op) || strings.Contains(err.Error(), "fake") {
					t.Errorf("%s = %v, want %v that shows no value", op, err, tc.want)
				}
				for _, text := range tc.says {
					if !strings.Contains(err.Error(), text) {
						t.Errorf("%s = %v, want an error that says %q", op, err, text)
					}
				}
			}
			if environ != nil || loaded != nil || written != nil || !slices.Equal(os.Environ(), before) {
				t.Errorf("Environ, LoadEnv, WriteEnvFile returned %q, %q, %q, want nothing returned or set",
					namesOf(environ), loaded, written)
			}
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("os.Stat of the file = %v, want fs.ErrNotExist", err)
			}
		})
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, fs.ErrClosed }

func TestLoadEnv(t *testing.T) {
	query, want := pair(t)
	for i, name := range namesOf(want) {
		t.Setenv(name, "") // so that the test restores it
		if i > 0 {
			os.Unsetenv(name)
		}
	}
	names, err := clienttest.New(t).LoadEnv(t.Context(), query)
	if err != nil || !slices.Equal(names, namesOf(want)) {
		t.Fatalf("LoadEnv = %q, %v, want %q", names, err, namesOf(want))
	}
	for _, one := range want {
		if name, value, _ := strings.Cut(one, "="); os.Getenv(name) != value {
			t.Errorf("os.Getenv(%s) = %q, want %q", name, os.Getenv(name), value)
		}
	}
}

func TestWriteEnvFile(t *testing.T) {
	client := clienttest.New(t)
	query, want := pair(t)
	dir := t.TempDir()
	runner := filepath.Join(dir, "github-env")
	vaulttest.WriteFile(t, runner, "")
	for _, format := range envfile.Formats() {
		path, masks := filepath.Join(dir, string(format)), &bytes.Buffer{}
		query.Masks = masks
		if format == envfile.GitHub {
			path = runner
		}
		names, err := client.WriteEnvFile(t.Context(), path, format, query)
		if format == envfile.PowerShell || format == envfile.Docker {
			if !errors.Is(err, vaultkit.ErrInvalid) || strings.Contains(err.Error(), "fake") || names != nil {
				t.Errorf("WriteEnvFile(%s) = %q, %v, want ErrInvalid that shows no value", format, names, err)
			}
			continue
		}
		if err != nil || !slices.Equal(names, namesOf(want)) {
			t.Errorf("WriteEnvFile(%s) = %q, %v, want %q", format, names, err, namesOf(want))
		}
		lines := strings.Split(masks.String(), "\n")
		slices.Sort(lines)
		const wantMasks = "\n::add-mask::7\n::add-mask::fake 'one'\n::add-mask::fake-two\n::add-mask::true"
		if got := strings.Join(lines, "\n"); got != wantMasks {
			t.Errorf("WriteEnvFile(%s) wrote the masks %q, want %q", format, got, wantMasks)
		}
		var encoded bytes.Buffer
		if err := envfile.Encode(&encoded, format, want); err != nil {
			t.Errorf("Encode(%s) = %v, want no error", format, err)
		}
		content, err := os.ReadFile(path)
		_, plain, _ := strings.Cut(encoded.String(), "{\n") // in JSON, the mark of vaultkit's files follows the brace
		complete := strings.HasSuffix(string(content), "\n"+cmp.Or(plain, encoded.String()))
		if err != nil || format != envfile.GitHub && !complete || !strings.Contains(string(content), "fake-two") {
			t.Errorf("WriteEnvFile(%s) wrote %q, %v, want %q", format, content, err, encoded.String())
		}
	}
}

func TestWriteEnvFileRefuses(t *testing.T) {
	client := clienttest.New(t)
	query, _ := pair(t)
	mine := filepath.Join(t.TempDir(), ".env.vault")
	vaulttest.WriteFile(t, mine, "KEY=fake-mine\n")
	for name, tc := range map[string]struct {
		path   string
		format envfile.Format
		want   error
		says   string
	}{
		"a foreign file": {mine, envfile.Sh, vaultkit.ErrInvalid, mine + " exists"},
		"no masks":       {mine, envfile.GitHub, vaultkit.ErrInvalid, "Masks"},
		"format":         {mine, "csh", vaultkit.ErrInvalid, "format"},
		"directory":      {filepath.Join(mine, "a"), envfile.Sh, nil, "cannot be written"},
		"no directory":   {filepath.Join(t.TempDir(), "a", "b"), envfile.Sh, fs.ErrNotExist, "cannot be written"},
	} {
		_, err := client.WriteEnvFile(t.Context(), tc.path, tc.format, query)
		wrong := err == nil || tc.want != nil && !errors.Is(err, tc.want) || errors.Is(err, vaultkit.ErrUnavailable)
		if wrong || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: WriteEnvFile = %v, want %v that says %q", name, err, tc.want, tc.says)
		}
	}
	if content, err := os.ReadFile(mine); err != nil || string(content) != "KEY=fake-mine\n" {
		t.Errorf("the foreign file holds %q, %v, want it unchanged", content, err)
	}
}

func TestEnviron_FailsAfterClose(t *testing.T) {
	client, query := clienttest.New(t), vaultkit.EnvQuery{Providers: []string{"p"}}
	client.Close()
	_, err1 := client.Environ(t.Context(), query)
	_, err2 := client.LoadEnv(t.Context(), query)
	_, err3 := client.WriteEnvFile(t.Context(), filepath.Join(t.TempDir(), "a"), envfile.Sh, vaultkit.EnvQuery{})
	for _, err := range []error{err1, err2, err3} {
		if !errors.Is(err, vaultkit.ErrClosed) {
			t.Errorf("after Close = %v, want ErrClosed", err)
		}
	}
}

// A provider whose variable would have an invalid name does not prevent reading the others, unless
// the query names it.
func TestEnviron_SkipsNamesNoVariableCanHave(t *testing.T) {
	client := clienttest.New(t, vaultkit.WithBasePath("environ-skips"))
	for provider, keys := range map[string]vaultkit.ProviderKeys{
		"3com":   {"api_key": "fake-3", "org": "fake-org"},
		"git":    {"dir": "fake-dir", "token": "fake-token"},
		"openai": {"api_key": "fake-1"},
	} {
		if _, err := client.PutProviderKeys(t.Context(), provider, keys); err != nil {
			t.Fatalf("PutProviderKeys = %v, want no error", err)
		}
	}
	if _, err := client.Environ(t.Context(), vaultkit.EnvQuery{}); !errors.Is(err, vaultkit.ErrInvalid) {
		t.Errorf("Environ without Skipped = %v, want ErrInvalid", err)
	}
	var skipped []string
	skip := func(provider, field string, why error) {
		if !errors.Is(why, vaultkit.ErrInvalid) || strings.Contains(why.Error(), "fake") {
			t.Errorf("Skipped(%s, %s, %v), want ErrInvalid that shows no value", provider, field, why)
		}
		skipped = append(skipped, provider+"/"+field)
	}
	got, err := client.Environ(t.Context(), vaultkit.EnvQuery{Skipped: skip})
	if want := []string{"GIT_TOKEN=fake-token", "OPENAI_API_KEY=fake-1"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("Environ = %q, %v, want %q", got, err, want)
	}
	if want := []string{"3com/api_key", "3com/org", "git/dir"}; !slices.Equal(skipped, want) {
		t.Errorf("Environ skipped %q, want %q", skipped, want)
	}
	skipped = nil
	named := vaultkit.EnvQuery{Providers: []string{"openai", "3com"}, Skipped: skip}
	if got, err := client.Environ(t.Context(), named); !errors.Is(err, vaultkit.ErrInvalid) || skipped != nil {
		t.Errorf("Environ(3com) = %q, %v, skipped %q, want ErrInvalid", got, err, skipped)
	}
	got, err = client.Environ(t.Context(), vaultkit.EnvQuery{Prefix: "APP_", Skipped: skip})
	if err != nil || len(got) != 5 || skipped != nil {
		t.Errorf("Environ(Prefix: APP_) = %q, %v, skipped %q, want all five fields", got, err, skipped)
	}
}
