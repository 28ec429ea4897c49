package session_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

// githubJob is a job of GitHub Actions whose endpoint for identity tokens can fail.
type githubJob struct {
	*jwtMount
	variables map[string]string
	masks     bytes.Buffer

	mu       sync.Mutex
	down     bool
	requests int
}

func newGitHubJob(t *testing.T) *githubJob {
	t.Helper()
	j := &githubJob{jwtMount: newJWTMount(t)}
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		j.mu.Lock()
		j.requests++
		down := j.down
		j.mu.Unlock()
		if down {
			http.Error(w, "canary", http.StatusServiceUnavailable)
			return
		}
		j.issuer.Config.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(endpoint.Close)
	j.variables = j.issuer.Job(claims{"repository_id": "1001"})
	j.variables["GITHUB_ACTIONS"] = "true"
	j.variables["ACTIONS_ID_TOKEN_REQUEST_URL"] = strings.Replace(j.variables["ACTIONS_ID_TOKEN_REQUEST_URL"], j.issuer.URL, endpoint.URL, 1)
	return j
}

func (j *githubJob) by(audience string) session.Method {
	lookup := func(name string) string { return j.variables[name] }
	return session.JWT(j.mount, "app", session.GitHubToken(audience, lookup, &j.masks))
}

// setDown starts or ends an outage of the endpoint, and returns how many requests it has had.
func (j *githubJob) setDown(down bool) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.down = down
	return j.requests
}

func TestGitHubToken_IsRequestedAtEachLogin(t *testing.T) {
	j := newGitHubJob(t)
	s := j.mustOpen(j.by("vault"))
	j.mustDo(s)
	j.revoke(s)
	j.mustDo(s)
	j.expectLogins(2)
	signed := j.issuer.Signed()
	if n := j.setDown(false); n != 2 || len(signed) != 2 || signed[0] == signed[1] {
		t.Errorf("%d requests for %d tokens, want 2 for two different ones", n, len(signed))
	}
	if want := "::add-mask::" + strings.Join(signed, "\n::add-mask::") + "\n"; j.masks.String() != want {
		t.Errorf("the masks have %d lines, want one for each token", strings.Count(j.masks.String(), "\n"))
	}
}

func TestGitHubToken_DefaultAudience(t *testing.T) {
	j := newGitHubJob(t)
	j.says(j.refused(j.by(""), vaulterr.ErrUnauthenticated), "invalid audience", "one of the role's bound_audiences")
}

func TestGitHubToken_MissingVariables(t *testing.T) {
	for _, name := range []string{"ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"} {
		j := newGitHubJob(t)
		delete(j.variables, name)
		j.says(j.refused(j.by("vault"), vaulterr.ErrInvalid), name+" is not set", "permissions: id-token: write", "a pull request from a fork")
		j.expectLogins(0)
	}
}

// An outage of GitHub is a failed login. It does not say that Vault is down, and Open does not
// wait until it ends.
func TestGitHubToken_OutageAtOpen(t *testing.T) {
	j := newGitHubJob(t)
	j.setDown(true)
	err := j.refused(j.by("vault"), vaulterr.ErrUnauthenticated)
	j.says(err, "no identity token from GitHub", "HTTP 503", "GitHub may have an outage")
	if errors.Is(err, vaulterr.ErrUnavailable) {
		t.Errorf("Open = %v, want no ErrUnavailable", err)
	}
	if n := j.setDown(true); n != 3 {
		t.Errorf("%d requests to GitHub, want 3", n)
	}
	j.expectLogins(0)
}

func TestGitHubToken_OutageAtALaterLogin(t *testing.T) {
	t.Parallel()
	j := newGitHubJob(t)
	s := j.mustOpen(j.by("vault"))
	j.revoke(s)
	before := j.setDown(true)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 5 {
				err := j.do(s)
				if kind := vaulterr.Kind(err); !errors.Is(kind, vaulterr.ErrUnauthenticated) {
					t.Errorf("Do = %v, want ErrUnauthenticated", err)
				}
			}
		})
	}
	all.Wait()
	if n := j.setDown(true) - before; n != 3 {
		t.Errorf("%d requests to GitHub for 100 calls, want the 3 of one login", n)
	}
	if state := s.State(); !state.Down.IsZero() || state.LoginError == nil {
		t.Errorf("State = %+v, want a failed login and no outage of Vault", state)
	}
	j.setDown(false)
	j.eventually(20*time.Second, "Do succeeds again", func() bool { return j.do(s) == nil })
	j.expectLogins(2)
}

func TestGitHubToken_CancelledOpen(t *testing.T) {
	j := newGitHubJob(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := session.Open(ctx, session.Config{Client: j.client(), Login: j.by("vault")})
	if j.err(err); !errors.Is(err, context.Canceled) || vaulterr.Kind(err) != nil {
		t.Errorf("Open = %v, want context.Canceled alone", err)
	}
}

func TestGitHubToken_Probe(t *testing.T) {
	j := newGitHubJob(t)
	want := session.LoginInfo{Kind: session.KindJWT, Mount: j.mount, Role: "app", GitHub: true}
	got, err := session.Probe(t.Context(), j.by("vault"))
	if err != nil || got.JWT == nil || !slices.Equal(got.JWT.Audiences, []string{"vault"}) {
		t.Fatalf("Probe = %+v, %v, want the claims of a JWT for the audience vault", got, err)
	}
	if got.JWT = nil; !reflect.DeepEqual(got, want) {
		t.Errorf("Probe = %+v, want %+v", got, want)
	}
	maps.DeleteFunc(j.variables, func(string, string) bool { return true })
	if _, err := session.Probe(t.Context(), j.by("vault")); !errors.Is(err, vaulterr.ErrInvalid) {
		t.Errorf("Probe without variables = %v, want ErrInvalid", err)
	}
	j.expectLogins(0)
}
