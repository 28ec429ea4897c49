package rotation_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// A key is revoked while another client puts it back in force.

// interleave runs b completely before each request of a, in one run for each request, and then
// calls check.
func interleave(t *testing.T, arrange func() (p, id string), a, b func(c *vaultkit.Client, p, id string), check func(n int, p string)) {
	t.Helper()
	for n := 1; ; n++ {
		p, id := arrange()
		proxy := clienttest.NewProxy(t)
		client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()))
		proxy.Reset()
		fired := false
		proxy.SetRule(faultproxy.At(n, faultproxy.Before(func() {
			fired = true
			b(clienttest.New(t), p, id)
		})))
		a(client, p, id)
		if !fired {
			if n < 6 {
				t.Fatalf("the verb sent %d requests, want at least 5", n-1)
			}
			return
		}
		check(n, p)
	}
}

func TestNoKeyInForceIsRevoked(t *testing.T) {
	puts := map[string]func(c *vaultkit.Client, p, id string){
		"rollback": func(c *vaultkit.Client, p, id string) { _, _ = c.Rollback(t.Context(), p, id) },
		"rotation back": func(c *vaultkit.Client, p, _ string) {
			_, _ = c.Rotate(t.Context(), p, vaultkit.NewKey("fake-old"))
		},
		"rotation to it in another field": func(c *vaultkit.Client, p, _ string) {
			_, _ = c.Rotate(t.Context(), p, vaultkit.NewFields(map[string]any{"spare": " fake-old\n"}), vaultkit.AddFields())
		},
	}
	for name, put := range puts {
		for _, order := range []string{"within revoke-old", "around revoke-old"} {
			t.Run(name+" "+order, func(t *testing.T) {
				var asked *clienttest.Revoker
				arrange := func() (string, string) {
					p, ids := clienttest.PutRotatedProvider(t, 1)
					asked = &clienttest.Revoker{}
					return p, ids[0]
				}
				revoke := func(c *vaultkit.Client, p, id string) {
					_, _ = c.RevokeOld(t.Context(), p, id, asked, vaultkit.IgnoreOtherProviders())
				}
				check := func(n int, p string) {
					keys, err := clienttest.New(t).GetProviderKeys(t.Context(), p)
					if err != nil {
						t.Fatal(err)
					}
					for field, key := range keys.Reveal() {
						if len(asked.Revoked) > 0 && strings.TrimSpace(key) == "fake-old" {
							t.Errorf("at request %d: field %s has the revoked key in force, want another key", n, field)
						}
					}
				}
				if order == "within revoke-old" {
					interleave(t, arrange, revoke, put, check)
				} else {
					interleave(t, arrange, put, revoke, check)
				}
			})
		}
	}
}

// A restore puts every field in force, so it checks each of them.
func TestRestore_RefusesRevokedKeys(t *testing.T) {
	var asked *clienttest.Revoker
	check := func(n int, p string) {
		keys, err := clienttest.New(t).GetProviderKeys(t.Context(), p)
		if len(asked.Revoked) > 0 && err == nil && keys.Reveal()["api_key"] == "fake-old" {
			t.Errorf("at request %d: the revoked key is in force, want another key", n)
		}
	}
	arrange := func(deleted bool) func() (string, string) {
		return func() (string, string) {
			p, ids := clienttest.PutRotatedProvider(t, 1)
			if deleted {
				vaulttest.SoftDelete(t, p)
			}
			asked = &clienttest.Revoker{}
			return p, ids[0]
		}
	}
	revoke := func(c *vaultkit.Client, p, id string) {
		_, _ = c.RevokeOld(t.Context(), p, id, asked, vaultkit.IgnoreOtherProviders())
	}
	bringBack := func(c *vaultkit.Client, p, id string) {
		_, _ = c.Rollback(t.Context(), p, id, vaultkit.RestoreDeleted())
	}
	interleave(t, arrange(false), revoke, func(c *vaultkit.Client, p, id string) {
		vaulttest.SoftDelete(t, p)
		bringBack(c, p, id)
	}, check)
	interleave(t, arrange(true), bringBack, func(c *vaultkit.Client, p, id string) {
		if vaulttest.Snapshot(t, p)["providers/"+p].Current == 2 {
			if err := vaulttest.Root(t).KVv2(vaulttest.Mount).Undelete(t.Context(), vaulttest.Base+"/providers/"+p, []int{2}); err != nil {
				t.Error(err)
			}
			revoke(c, p, id)
		}
	}, check)
}

// twin is a source whose provider's API returns the same key to two jobs. It records what it
// revoked.
type twin struct {
	mu       sync.Mutex
	takes    []string
	verifies error
}

func (*twin) Name() string { return "twin" }

func (*twin) NewFields(context.Context, vaultkit.Target) (map[string]any, error) {
	return map[string]any{"api_key": "fake-issued-twice"}, nil
}

func (i *twin) Verify(context.Context, vaultkit.Target, vaultkit.ProviderKeys) error {
	return i.verifies
}

func (i *twin) Revoke(_ context.Context, _ vaultkit.Target, keys vaultkit.ProviderKeys) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.takes = append(i.takes, keys.Reveal()["api_key"])
	return nil
}

// One of two jobs fails. It must not revoke the key that the other one puts in force.
func TestRotate_KeepsAKeyThatAnotherJobUses(t *testing.T) {
	var failing *twin
	arrange := func() (string, string) {
		failing = &twin{verifies: errors.New("not yet")}
		return vaulttest.PutProvider(t, clienttest.OldSecret), ""
	}
	a := func(c *vaultkit.Client, p, _ string) { _, _ = c.Rotate(t.Context(), p, failing) }
	b := func(c *vaultkit.Client, p, _ string) { _, _ = c.Rotate(t.Context(), p, &twin{}) }
	check := func(n int, p string) {
		if key := clienttest.APIKey(t, clienttest.New(t), p); len(failing.takes) > 0 && key == "fake-issued-twice" {
			t.Errorf("at request %d: the revoked unused key %q is in force, want another key", n, key)
		}
	}
	interleave(t, arrange, a, b, check)
	interleave(t, arrange, b, a, check)
}

// A standby may be behind. The checks still see what another client wrote before this client's
// write, because they ask for a state with that write.
func TestRotate_ChecksAStateWithItsOwnWrite(t *testing.T) {
	for name, verb := range map[string]func(c *vaultkit.Client, p, id string) error{
		"Rotate": func(c *vaultkit.Client, p, _ string) error {
			return clienttest.ErrorOf(c.Rotate(t.Context(), p, vaultkit.NewKey("fake-next")))
		},
		"RevokeOld": func(c *vaultkit.Client, p, id string) error {
			return clienttest.ErrorOf(c.RevokeOld(t.Context(), p, id, &clienttest.Revoker{}, vaultkit.IgnoreOtherProviders()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, ids := clienttest.PutRotatedProvider(t, 1)
			var mu sync.Mutex
			wrote, looks := false, 0
			client := clienttest.New(t, vaultkit.WithTransport(func(next http.RoundTripper) http.RoundTripper {
				return roundTrip(func(r *http.Request) (*http.Response, error) {
					mu.Lock()
					look := r.Method == http.MethodGet && strings.Contains(r.URL.RawQuery, "list=true") &&
						(strings.Contains(r.URL.Path, "/revocations/") || name == "RevokeOld" && strings.Contains(r.URL.Path, "/backups/"))
					if look && wrote {
						looks++
						if r.Header.Get("X-Vault-Index") != fakeIndex {
							t.Errorf("%s %s carries the index %q, want that of the write before", r.Method, r.URL.Path, r.Header.Get("X-Vault-Index"))
						}
					}
					mu.Unlock()
					answer, err := next.RoundTrip(r)
					if err == nil && r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/data/") {
						mu.Lock()
						wrote = true
						mu.Unlock()
						answer.Header.Set("X-Vault-Index", fakeIndex)
					}
					return answer, err
				})
			}))
			if err := verb(client, p, ids[0]); err != nil || looks == 0 {
				t.Errorf("%s = %v after %d checks, want success after at least one", name, err, looks)
			}
		})
	}
}

// fakeIndex is a state in the format of Vault Enterprise:
// "v1:<cluster>:<local>:<replicated>:<hmac>".
const fakeIndex = "djE6ZmFrZTo3Ojc6ZmFrZQ=="

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A rerun that finds its backup does not know whether the earlier run's commit is on its way,
// so none of its errors is definite.
func TestRotate_NoDefiniteErrorAfterAnEarlierRun(t *testing.T) {
	denied := faultproxy.Error(403, `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}`, false)
	for name, rule := range map[string]func(p string, cancel func()) faultproxy.Rule{
		"the claim is denied": func(string, func()) faultproxy.Rule {
			return faultproxy.OnMatch("PUT", "/metadata/"+vaulttest.Base+"/backups/", denied)
		},
		"the look is denied": func(p string, _ func()) faultproxy.Rule {
			looked := 0
			return faultproxy.When(func(r faultproxy.Request) bool {
				if strings.Contains(r.Path, "/revocations/"+p) {
					looked++
				}
				return looked == 2 && strings.Contains(r.Path, "/revocations/"+p)
			}, denied)
		},
		"the commit is denied": func(p string, _ func()) faultproxy.Rule { return clienttest.OnCommit(p, denied) },
		"cancelled before the commit": func(_ string, cancel func()) faultproxy.Rule {
			return faultproxy.OnMatch("PUT", "/metadata/"+vaulttest.Base+"/backups/", faultproxy.Before(cancel))
		},
		"the key is revoked meanwhile": func(p string, _ func()) faultproxy.Rule {
			return faultproxy.OnMatch("PUT", "/data/"+vaulttest.Base+"/backups/", faultproxy.Before(func() { announce(t, p, "fake-new") }))
		},
		"the key was revoked before": func(p string, _ func()) faultproxy.Rule {
			announce(t, p, "fake-new")
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := vaulttest.PutProvider(t, clienttest.OldSecret)
			proxy, release := clienttest.NewProxy(t), make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			first := clienttest.New(t, vaultkit.WithAddress(proxy.URL()))
			proxy.SetRule(clienttest.OnCommit(p, faultproxy.Late(release).Before(cancel)))
			if _, err := first.Rotate(ctx, p, vaultkit.NewKey("fake-new")); !errors.Is(err, vaultkit.ErrUndetermined) {
				t.Fatalf("the first run: %v, want ErrUndetermined", err)
			}
			again, stop := context.WithCancel(t.Context())
			defer stop()
			_, err := clienttest.NewWithFaults(t, rule(p, stop)).Rotate(again, p, vaultkit.NewKey("fake-new"))
			if !errors.Is(err, vaultkit.ErrUndetermined) {
				t.Errorf("the rerun: %v, want ErrUndetermined", err)
			}
			close(release)
			proxy.Wait()
			if key := clienttest.APIKey(t, clienttest.New(t), p); key != "fake-new" {
				t.Errorf("GetAPIKey = %q, want %q from the first run", key, "fake-new")
			}
		})
	}
}

// announce writes an entry that stands for the key, as another client would.
func announce(t *testing.T, p, key string) {
	t.Helper()
	vaulttest.Put(t, attemptFor(p, key), map[string]any{"schema": 1, "kind": "revoke-old", "rotation": "", "provider": p,
		"field": "api_key", "begun_at": time.Now().UTC().Format(time.RFC3339Nano)})
}
