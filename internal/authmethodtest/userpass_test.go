package authmethodtest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/auth/userpass"

	"goblin/vaultkit"
	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/logbuffer"
	"goblin/vaultkit/internal/vaulttest"
)

// user is a user of a userpass mount, with the policy of a reader.
type user struct {
	mount, file string
	made        atomic.Int32 // auth methods
	passwords   []string
	logs        logbuffer.Buffer
}

func newUser(t *testing.T, settings map[string]any) *user {
	t.Helper()
	root, u := vaulttest.Root(t), &user{mount: vaulttest.Name(t), file: filepath.Join(t.TempDir(), "password")}
	if err := root.Sys().EnableAuthWithOptions(u.mount, &api.EnableAuthOptions{Type: "userpass"}); err != nil {
		t.Fatal(err)
	}
	if err := root.Sys().PutPolicy(u.mount, vaulttest.Policy(t, "../../", "reader")); err != nil {
		t.Fatal(err)
	}
	all := map[string]any{"password": "fake", "token_policies": u.mount}
	for name, value := range settings {
		all[name] = value
	}
	write(t, root, "auth/"+u.mount+"/users/app", all)
	u.setPassword(t, "first")
	t.Cleanup(func() { u.assertNoPassword(t, u.logs.String()) })
	return u
}

func write(t *testing.T, c *api.Client, path string, data map[string]any) {
	t.Helper()
	if _, err := c.Logical().Write(path, data); err != nil {
		t.Fatal(err)
	}
}

// setPassword changes the password in Vault and in the user's file.
func (u *user) setPassword(t *testing.T, name string) {
	t.Helper()
	password := "canary-word-" + name
	u.passwords = append(u.passwords, password)
	write(t, vaulttest.Root(t), "auth/"+u.mount+"/users/app/password", map[string]any{"password": password})
	vaulttest.WriteFile(t, u.file, password)
}

func (u *user) assertNoPassword(t *testing.T, text string) {
	t.Helper()
	for _, password := range u.passwords {
		if strings.Contains(text, password) {
			t.Error("an output contains a password, want none")
		}
	}
}

// login is the option of the official package.
func (u *user) login() vaultkit.Option {
	return vaultkit.WithAuthMethod("userpass", func(context.Context) (api.AuthMethod, error) {
		u.made.Add(1)
		return userpass.NewUserpassAuth("app", &userpass.Password{FromFile: u.file}, userpass.WithMountPath(u.mount))
	})
}

func (u *user) client(t *testing.T, opts ...vaultkit.Option) (*vaultkit.Client, error) {
	t.Helper()
	opts = append(opts, vaultkit.WithAddress(vaulttest.Server().Addr()), u.login(), vaultkit.WithLogger(u.logs.Logger()))
	client, err := vaultkit.New(t.Context(), opts...)
	u.assertNoPassword(t, fmt.Sprintf("%v %+v %#v", err, err, err))
	if err == nil {
		t.Cleanup(func() { _ = client.Close() })
	}
	return client, err
}

// TestUserpass_Lifecycle checks that the token is renewed up to its maximum TTL, and that the next
// login has the password of that time.
func TestUserpass_Lifecycle(t *testing.T) {
	provider := vaulttest.Name(t)
	vaulttest.Put(t, "providers/"+provider, map[string]any{"api_key": "sk-fake"})
	u := newUser(t, map[string]any{"token_ttl": "2s", "token_max_ttl": "4s"})
	var renewals, logins atomic.Int32
	client, err := u.client(t, vaultkit.WithObserver(func(e event.Event) {
		switch {
		case e.Err != nil:
		case e.Kind == event.Renewal:
			renewals.Add(1)
		case e.Kind == event.Relogin:
			logins.Add(1)
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	read := func() {
		t.Helper()
		if key, err := client.GetAPIKey(t.Context(), provider); err != nil || key != "sk-fake" {
			t.Fatalf("GetAPIKey = %d bytes, %v, want the key", len(key), err)
		}
	}
	u.setPassword(t, "second")
	for end := time.Now().Add(20 * time.Second); logins.Load() == 0; time.Sleep(50 * time.Millisecond) {
		if read(); time.Now().After(end) {
			t.Fatal("no login after the maximum TTL, want one")
		}
	}
	read()
	if renewals.Load() == 0 {
		t.Error("no renewal before the maximum TTL, want one")
	}
	u.setPassword(t, "third")
	token := client.Vault().Token()
	if err := vaulttest.Root(t).Auth().Token().RevokeOrphan(token); err != nil {
		t.Fatal(err)
	}
	read()
	if made := u.made.Load(); made != logins.Load()+1 {
		t.Errorf("%d auth methods made for %d logins, want one for each", made, logins.Load()+1)
	}
	token = client.Vault().Token()
	if err := client.Close(); err != nil {
		t.Errorf("Close = %v, want no error", err)
	}
	if _, err := vaulttest.Root(t).Auth().Token().Lookup(token); err == nil {
		t.Error("the token is valid after Close, want it revoked")
	}
}

// TestUserpass_Refused checks that neither Vault's refusal nor the package's own error counts as
// an outage of Vault, or is tried again.
func TestUserpass_Refused(t *testing.T) {
	u := newUser(t, nil)
	for name, tc := range map[string]struct {
		password string
		text     string
	}{
		"a wrong password":   {"canary-word-wrong", "invalid username or password"},
		"a missing password": {"", "*fs.PathError"},
	} {
		u.passwords = append(u.passwords, "canary-word-wrong")
		if u.file = filepath.Join(t.TempDir(), "password"); tc.password != "" {
			vaulttest.WriteFile(t, u.file, tc.password)
		}
		u.made.Store(0)
		_, err := u.client(t)
		if !errors.Is(err, vaultkit.ErrUnauthenticated) || errors.Is(err, vaultkit.ErrUnavailable) || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("New with %s = %v, want ErrUnauthenticated with %q", name, err, tc.text)
		}
		if made := u.made.Load(); made != 1 {
			t.Errorf("New with %s made %d auth methods, want 1", name, made)
		}
	}
}
