package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// vague is a server like OpenBao since 2.6, which says the same of a token that has
// ended and of a right that is missing.
func vague() *fakeVault {
	return &fakeVault{ttl: 100 * time.Hour, maxTTL: 100 * time.Hour, vague: true}
}

func read(path string) func(context.Context, *api.Client) error {
	return func(ctx context.Context, c *api.Client) error {
		_, err := c.Logical().ReadWithContext(ctx, path)
		return err
	}
}

// endTokens has every token end, as a revocation would.
func (v *fakeVault) endTokens() { v.set(func(v *fakeVault) { clear(v.tokens) }) }

// wantLogins compares the number of logins so far.
func (v *fakeVault) wantLogins(t *testing.T, want int) {
	t.Helper()
	if logins, attempts, _ := v.count(); logins != want || attempts != want {
		t.Errorf("%d logins of %d attempts, want %d", logins, attempts, want)
	}
}

func wantDenied(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(vaulterr.Kind(err), vaulterr.ErrPermissionDenied) {
		t.Errorf("Do = %v, want ErrPermissionDenied", err)
	}
}

func TestEndedTokenIsReplacedWhateverTheServerSays(t *testing.T) {
	for name, shy := range map[string]bool{"may look itself up": false, "may not": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := vague()
				v.shy = shy
				s, _ := v.opened(t, nil)
				for deaths := range 5 {
					v.endTokens()
					if err := s.Do(t.Context(), probe); err != nil {
						t.Fatalf("Do after death %d = %v", deaths+1, err)
					}
					v.wantLogins(t, deaths+2)
					time.Sleep(time.Minute)
				}
			})
		})
	}
}

func TestCrowdOnAnEndedTokenCostsOneLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vague()
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { v.takes = 10 * time.Millisecond })
		v.endTokens()
		var crowd sync.WaitGroup
		for i := range 100 {
			crowd.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				if err := s.Do(t.Context(), probe); err != nil {
					t.Errorf("Do = %v", err)
				}
			})
		}
		crowd.Wait()
		v.wantLogins(t, 2)
		if v.strangers != 1 || v.lookups != 1 {
			t.Errorf("%d questions with an unknown token and %d with its own, want one of each", v.strangers, v.lookups)
		}
	})
}

func TestDenialCostsNoLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vague()
		s, _ := v.opened(t, nil)
		for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(100 * time.Millisecond) {
			wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		}
		v.wantLogins(t, 1)
		if v.lookups < 10 || v.lookups > 45 {
			t.Errorf("%d questions in 10 min, want one in about 30 s", v.lookups)
		}
		v.endTokens()
		if err := s.Do(t.Context(), probe); err != nil {
			time.Sleep(coolDown.Max)
			err = s.Do(t.Context(), probe)
			if err != nil {
				t.Errorf("Do on an ended token after many denials = %v", err)
			}
		}
		v.wantLogins(t, 2)
	})
}

// TestManyDenialsCostFewQuestions: each request is another one.
func TestManyDenialsCostFewQuestions(t *testing.T) {
	for name, tc := range map[string]struct {
		shy    bool
		logins int // the first, and at most one in a cool-down
	}{"may look itself up": {false, 1}, "may not": {true, 45}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := vague()
				v.shy = tc.shy
				s, _ := v.opened(t, nil)
				start := time.Now()
				for i := 0; time.Since(start) < 10*time.Minute; i++ {
					wantDenied(t, s.Do(t.Context(), read(fmt.Sprintf("secret/data/denied-%d", i))))
					time.Sleep(100 * time.Millisecond)
				}
				if logins, _, _ := v.count(); logins > tc.logins {
					t.Errorf("%d logins in 10 min, want at most %d", logins, tc.logins)
				}
				if v.lookups > 600 {
					t.Errorf("%d questions in 10 min, want at most one a second", v.lookups)
				}
			})
		})
	}
}

// TestKnownDenialCostsNoSecondLogin: a token that may not look itself up, or whose uses
// are counted, is replaced once to find out; the answer is remembered.
func TestKnownDenialCostsNoSecondLogin(t *testing.T) {
	for name, v := range map[string]*fakeVault{
		"may not look itself up": {shy: true}, "uses are counted": {uses: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v.vague, v.ttl, v.maxTTL = true, 100*time.Hour, 100*time.Hour
				s, _ := v.opened(t, nil)
				for start := time.Now(); time.Since(start) < 25*time.Second; time.Sleep(100 * time.Millisecond) {
					wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
				}
				v.wantLogins(t, 2)
				if v.uses > 0 && v.lookups > 0 {
					t.Errorf("%d uses spent on questions", v.lookups)
				}
			})
		})
	}
}

// TestRefusedLoginAfterADenial: the denial is the answer as long as the token may be a
// living one; once it could look itself up before, it has ended.
func TestRefusedLoginAfterADenial(t *testing.T) {
	for name, tc := range map[string]struct {
		looked bool
		want   error
	}{"not known": {false, vaulterr.ErrPermissionDenied}, "known to have ended": {true, vaulterr.ErrUnauthenticated}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := vague()
				s, _ := v.opened(t, nil)
				if tc.looked {
					wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
					time.Sleep(time.Minute)
				}
				v.set(func(v *fakeVault) { v.refuse = true })
				v.endTokens()
				for start := time.Now(); time.Since(start) < time.Minute; time.Sleep(100 * time.Millisecond) {
					if err := s.Do(t.Context(), probe); !errors.Is(vaulterr.Kind(err), tc.want) {
						t.Fatalf("Do = %v, want %v", err, tc.want)
					}
				}
				if s.lost != tc.looked {
					t.Errorf("the token is lost: %t, want %t", s.lost, tc.looked)
				}
				if _, attempts, _ := v.count(); attempts > 12 {
					t.Errorf("%d logins were tried in a minute", attempts-1)
				}
				v.set(func(v *fakeVault) { v.refuse = false })
				time.Sleep(refusalKept)
				if err := s.Do(t.Context(), probe); err != nil {
					t.Errorf("Do once logins are accepted again = %v", err)
				}
			})
		})
	}
}

// TestRefusedLoginIsNotRepeatedSoon, unless the token has certainly ended, or nobody refused.
func TestRefusedLoginIsNotRepeatedSoon(t *testing.T) {
	refused := &api.ResponseError{StatusCode: http.StatusBadRequest, Errors: []string{"invalid role or secret ID"}}
	for name, tc := range map[string]struct {
		sure    bool
		failure error
		want    bool
	}{
		"refused":               {false, refused, true},
		"refused, ended token":  {true, refused, false},
		"unavailable":           {false, &api.ResponseError{StatusCode: http.StatusServiceUnavailable, Errors: []string{"no leader"}}, false},
		"the file is unchanged": {false, errSameToken, false},
	} {
		var d denials
		held := &lease{obtained: true}
		if tc.sure {
			d.refused, d.canLook = held, held
		}
		if got := d.ended(held, tc.failure); got != tc.sure {
			t.Errorf("%s: ended = %t, want %t", name, got, tc.sure)
		}
		if got := !d.hopeless.IsZero(); got != tc.want {
			t.Errorf("%s: the next login has to wait: %t, want %t", name, got, tc.want)
		}
	}
}

// TestLoginThatCannotBeTried: whether the token has ended is not known, so that it is worth
// trying again.
func TestLoginThatCannotBeTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vague()
		v.shy = true
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { v.refuse = true })
		wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		time.Sleep(refusalKept)
		err := s.Do(t.Context(), func(ctx context.Context, c *api.Client) error {
			err := read("secret/data/denied")(ctx, c)
			v.set(func(v *fakeVault) { v.down = true })
			return err
		})
		if !errors.Is(err, vaulterr.ErrUnavailable) {
			t.Errorf("Do = %v, want ErrUnavailable", err)
		}
	})
}

// TestQuestionWithoutAnAnswer: an outage during the question leaves the denial as it is,
// and nothing is learned.
func TestQuestionWithoutAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vague()
		s, _ := v.opened(t, nil)
		v.endTokens()
		wantDenied(t, s.Do(t.Context(), func(ctx context.Context, c *api.Client) error {
			err := probe(ctx, c)
			v.set(func(v *fakeVault) { v.down = true })
			return err
		}))
		v.set(func(v *fakeVault) { v.down = false })
		time.Sleep(coolDown.Min)
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do = %v", err)
		}
		v.wantLogins(t, 2)
	})
}

// TestQuestionsBeginAnewAfterAQuietTime: the pause between them does not stay long.
func TestQuestionsBeginAnewAfterAQuietTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vague()
		v.shy = true
		s, _ := v.opened(t, nil)
		for i := range 600 {
			wantDenied(t, s.Do(t.Context(), read(fmt.Sprintf("secret/data/denied-%d", i))))
			time.Sleep(time.Second)
		}
		time.Sleep(5 * time.Minute)
		wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		v.endTokens()
		time.Sleep(coolDown.Min)
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do on an ended token = %v", err)
		}
	})
}

// TestDenialOfAnOlderToken: a request that was sent with the token before is sent again
// with the present one, without a question.
func TestDenialOfAnOlderToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, fixed: true, vague: true}
		s, _ := v.opened(t, nil)
		calls := 0
		err := s.Do(t.Context(), func(ctx context.Context, c *api.Client) error {
			if calls++; calls == 1 {
				time.Sleep(50 * time.Minute) // the keeper logs in
				v.set(func(v *fakeVault) { delete(v.tokens, "fake-token-1") })
			}
			return probe(ctx, c)
		})
		if err != nil || calls != 2 {
			t.Errorf("Do = %v after %d calls, want success after 2", err, calls)
		}
		v.wantLogins(t, 2)
		if v.lookups > 0 {
			t.Errorf("%d questions", v.lookups)
		}
	})
}

func TestDenialsRememberedAreBounded(t *testing.T) {
	var d denials
	for i := range 3 * maxDenials {
		d.remember(fmt.Sprint(i), denialKept)
	}
	if len(d.known) == 0 || len(d.known) > maxDenials {
		t.Errorf("%d denials remembered, want 1 to %d", len(d.known), maxDenials)
	}
}

// TestCallerLeavesTheQuestion: its own end is no reason to wait.
func TestCallerLeavesTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vague()
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { v.takes = time.Second })
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		began := time.Now()
		wantDenied(t, s.Do(ctx, read("secret/data/denied")))
		if took := time.Since(began); took != 1500*time.Millisecond {
			t.Errorf("Do took %v, want until its context ended", took)
		}
	})
}

// TestBareTokenThatEnds: nobody can log in again, but what is wrong can be told: of a
// token that could look itself up, and of no other.
func TestBareTokenThatEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		shy  bool
		want error
	}{"could look itself up": {false, vaulterr.ErrUnauthenticated}, "could not": {true, vaulterr.ErrPermissionDenied}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := vague()
				v.shy = tc.shy
				v.tokens = map[string]*fakeToken{"fake-bare": {ends: time.Now().Add(time.Hour)}}
				s, _ := v.opened(t, Token(Value("fake-bare")))
				if err := s.Do(t.Context(), probe); err != nil {
					t.Fatalf("Do = %v", err)
				}
				wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
				time.Sleep(time.Minute)
				v.endTokens()
				for range 3 {
					if err := s.Do(t.Context(), probe); !errors.Is(vaulterr.Kind(err), tc.want) {
						t.Errorf("Do with an ended token = %v, want %v", err, tc.want)
					}
				}
				if tc.shy && s.failures > 0 {
					t.Errorf("%d logins were tried with the same token", s.failures)
				}
				if failed := s.State().LoginError != nil; failed == tc.shy {
					t.Errorf("a login failed: %t, want %t", failed, !tc.shy)
				}
			})
		})
	}
}

// TestDenialOfABareTokenOfFewUses: its end was not asked about, so that it is not known.
func TestDenialOfABareTokenOfFewUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vague()
		v.uses = 100
		v.tokens = map[string]*fakeToken{"fake-bare": {ends: time.Now().Add(time.Hour)}}
		s, _ := v.opened(t, Token(Value("fake-bare")))
		wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		if v.lookups != 1 {
			t.Errorf("%d lookups, want that of the login alone", v.lookups)
		}
	})
}

// TestHonestServerCostsNothing: one that names the token is asked once in ten minutes
// what it says of an unknown one, and nothing else.
func TestHonestServerCostsNothing(t *testing.T) {
	for name, v := range map[string]*fakeVault{
		"usual": {}, "may not look itself up": {shy: true}, "uses are counted": {uses: 1e6},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v.ttl, v.maxTTL = 100*time.Hour, 100*time.Hour
				s, _ := v.opened(t, nil)
				start := time.Now()
				for i := 0; time.Since(start) < time.Hour; i++ {
					wantDenied(t, s.Do(t.Context(), read(fmt.Sprintf("secret/data/denied-%d", i))))
					time.Sleep(time.Second)
				}
				v.wantLogins(t, 1)
				if v.lookups != 0 || v.strangers < 1 || v.strangers > 7 {
					t.Errorf("%d questions about the token and %d about an unknown one in an hour", v.lookups, v.strangers)
				}
			})
		})
	}
}

// TestDenialInOtherWordsCostsNothing: OpenBao 2.6 has other words for a missing right than
// for a token that has ended, and only the latter are worth a question.
func TestDenialInOtherWordsCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vague()
		v.plain, v.shy = true, true
		s, _ := v.opened(t, nil)
		for i := range 100 {
			wantDenied(t, s.Do(t.Context(), read(fmt.Sprintf("secret/data/denied-%d", i))))
			time.Sleep(time.Second)
		}
		v.wantLogins(t, 1)
		if v.lookups != 0 || v.strangers != 1 {
			t.Errorf("%d questions about the token and %d about an unknown one, want 0 and 1", v.lookups, v.strangers)
		}
		v.endTokens()
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do on an ended token = %v", err)
		}
		v.wantLogins(t, 2)
	})
}

// TestServerChangesItsWords: it is upgraded, and a token ends half an hour later.
func TestServerChangesItsWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: 100 * time.Hour, maxTTL: 100 * time.Hour}
		s, _ := v.opened(t, nil)
		wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		time.Sleep(30 * time.Minute)
		v.set(func(v *fakeVault) { v.vague = true })
		v.endTokens()
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do on an ended token = %v", err)
		}
		v.wantLogins(t, 2)
	})
}

// TestServiceOnAVagueServer has tokens end again and again under a service that asks
// once a second. Nobody notices.
func TestServiceOnAVagueServer(t *testing.T) {
	for name, tc := range map[string]struct {
		v     *fakeVault
		every time.Duration // the token is revoked
	}{
		"three uses":                       {&fakeVault{uses: 3, few: true}, 0},
		"three uses, may not look":         {&fakeVault{uses: 3, few: true, shy: true}, 0},
		"revoked every 20 s":               {&fakeVault{}, 20 * time.Second},
		"revoked every 20 s, may not look": {&fakeVault{shy: true}, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tc.v.vague, tc.v.ttl, tc.v.maxTTL = true, 100*time.Hour, 100*time.Hour
				s, _ := tc.v.opened(t, nil)
				last := time.Now()
				for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(time.Second) {
					if tc.every > 0 && time.Since(last) >= tc.every {
						tc.v.endTokens()
						last = time.Now()
					}
					if err := s.Do(t.Context(), probe); err != nil {
						t.Fatalf("after %v: Do = %v", time.Since(start), err)
					}
				}
			})
		})
	}
}

// TestEndedTokenBesideADeniedRequest: one request that is always denied does not keep the
// others from finding out for long.
func TestEndedTokenBesideADeniedRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vague()
		s, _ := v.opened(t, nil)
		ended, failed := 0, 0
		for start := time.Now(); time.Since(start) < 2*time.Hour; time.Sleep(100 * time.Millisecond) {
			wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
			if int(time.Since(start)/(10*time.Minute)) > ended {
				ended++
				v.endTokens()
			}
			if s.Do(t.Context(), probe) != nil {
				failed++
			}
		}
		if most := ended * int(coolDown.Min/(100*time.Millisecond)); failed > most {
			t.Errorf("%d requests failed at %d ends of a token, want at most %d", failed, ended, most)
		}
	})
}

// TestSuccessWithAnotherTokenSaysNothing of the one whose lookup was refused.
func TestSuccessWithAnotherTokenSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vague()
		v.shy = true
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { v.refuse = true })
		wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://vault.invalid/v1/secret/data/probe", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set(api.AuthHeaderName, "fake-other")
		s.denials.served(request)
		if s.denials.refused != s.present() {
			t.Error("the refusal of the token's lookup is forgotten")
		}
	})
}

// TestServedRequestIsNoLongerRemembered: a right was missing, was given, and then the
// token ends.
func TestServedRequestIsNoLongerRemembered(t *testing.T) {
	for name, shy := range map[string]bool{"may look itself up": false, "may not": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := vague()
				v.shy = shy
				s, _ := v.opened(t, nil)
				wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
				v.set(func(v *fakeVault) { v.granted = true })
				time.Sleep(coolDown.Max)
				if err := s.Do(t.Context(), read("secret/data/denied")); err != nil {
					t.Fatalf("Do with the right = %v", err)
				}
				v.endTokens()
				if err := s.Do(t.Context(), read("secret/data/denied")); err != nil {
					t.Errorf("Do with an ended token = %v", err)
				}
			})
		})
	}
}

// TestLivingTokenWithoutALogin: a token that may not look itself up goes on, and logins
// that are refused are few.
func TestLivingTokenWithoutALogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vague()
		v.shy = true
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { v.refuse = true })
		start := time.Now()
		for i := 0; time.Since(start) < time.Hour; i++ {
			wantDenied(t, s.Do(t.Context(), read(fmt.Sprintf("secret/data/denied-%d", i))))
			if err := s.Do(t.Context(), probe); err != nil {
				t.Fatalf("Do = %v", err)
			}
			time.Sleep(time.Second)
		}
		if _, attempts, _ := v.count(); attempts > 1+30 {
			t.Errorf("%d logins were refused in an hour, want at most 30", attempts-1)
		}
	})
}

// TestReplacedTokenIsNotRevoked: it may be living, and other leases with it.
func TestReplacedTokenIsNotRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vague()
		v.shy = true
		s, _ := v.opened(t, nil)
		wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		synctest.Wait()
		v.wantLogins(t, 2)
		if len(v.tokens) != 2 {
			t.Errorf("%d tokens are living, want 2", len(v.tokens))
		}
	})
}

// TestNodesThatNeverAgreeCauseNoLoginStorm has one of several nodes know no token at all.
func TestNodesThatNeverAgreeCauseNoLoginStorm(t *testing.T) {
	for nodes := 2; nodes <= 5; nodes++ {
		for name, shy := range map[string]bool{"may look itself up": false, "may not": true} {
			t.Run(fmt.Sprintf("%d nodes, %s", nodes, name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					v := vague()
					v.shy = shy
					s, _ := v.opened(t, nil)
					v.set(func(v *fakeVault) { v.lag, v.nodes = 100*time.Hour, nodes })
					for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(100 * time.Millisecond) {
						_ = s.Do(t.Context(), probe)
					}
					if logins, _, _ := v.count(); logins > 100 {
						t.Errorf("%d logins in 10 min, want at most one in 6 s", logins)
					}
				})
			})
		}
	}
}

// TestSomethingInBetweenAnswersUnknownTokens: a gateway that knows tokens by their form.
func TestSomethingInBetweenAnswersUnknownTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vague()
		v.stranger = http.StatusBadRequest
		s, _ := v.opened(t, nil)
		v.endTokens()
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do on an ended token = %v", err)
		}
		v.wantLogins(t, 2)
		wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		v.wantLogins(t, 2)
	})
}

// TestAgentThatSendsItsOwnToken: nobody refuses the session's token, which never arrives.
func TestAgentThatSendsItsOwnToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vague()
		v.shy, v.stranger = true, http.StatusOK
		s, _ := v.opened(t, nil)
		for start := time.Now(); time.Since(start) < 9*time.Minute; time.Sleep(100 * time.Millisecond) {
			wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		}
		v.wantLogins(t, 1)
		if v.strangers != 1 || v.lookups != 0 {
			t.Errorf("%d questions with an unknown token and %d with its own, want 1 and 0", v.strangers, v.lookups)
		}
	})
}

// TestUnansweredQuestionWithAnUnknownToken is not asked for each denial, and asked again.
func TestUnansweredQuestionWithAnUnknownToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vague()
		v.noLookup = true
		s, _ := v.opened(t, nil)
		for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(100 * time.Millisecond) {
			wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		}
		if v.strangers < 20 || v.strangers > 45 {
			t.Errorf("%d questions in 10 min, want one in about 30 s", v.strangers)
		}
		v.set(func(v *fakeVault) { v.noLookup = false })
		v.endTokens()
		time.Sleep(coolDown.Max)
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do on an ended token = %v", err)
		}
		v.wantLogins(t, 2)

		time.Sleep(textKept)
		v.noLookup, v.strangers = true, 0
		for start := time.Now(); time.Since(start) < 8*time.Second; time.Sleep(100 * time.Millisecond) {
			wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		}
		if v.strangers < 3 {
			t.Errorf("%d questions in the first 8 s of another outage, want at least 3", v.strangers)
		}
	})
}

// TestQuestionAboutAnOlderToken says nothing about the present one.
func TestQuestionAboutAnOlderToken(t *testing.T) {
	var d denials
	nobody := func(*question) {}
	first, _ := d.decide("GET a", &lease{}, true, nobody)
	d.allowed = time.Time{}
	present := &lease{}
	second, _ := d.decide("GET a", present, true, nobody)
	if second == nil || second == first {
		t.Fatal("decide joins the question about an older token")
	}
	d.answered(first, nil)
	if again, _ := d.decide("GET b", present, true, nobody); again != second {
		t.Error("decide asks again, although the question about the token is under way")
	}
}

// TestAnswerOutlivesAnOutage: what the server says of unknown tokens is still known when
// it cannot be asked again.
func TestAnswerOutlivesAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vague()
		v.shy = true
		s, _ := v.opened(t, nil)
		wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		time.Sleep(2 * textKept)
		v.set(func(v *fakeVault) { v.uses = 1e6 }) // it is not looked up
		v.endTokens()
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do on an ended token = %v", err)
		}
		time.Sleep(2 * textKept)
		v.set(func(v *fakeVault) { v.noLookup = true })
		v.endTokens()
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do on an ended token while lookup-self is down = %v", err)
		}
	})
}

// TestBareTokenThatWasNeverServed: it has ended before the session began.
func TestBareTokenThatWasNeverServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vague()
		s, _ := v.opened(t, Token(Value("fake-bare")))
		if err := s.Do(t.Context(), probe); !errors.Is(vaulterr.Kind(err), vaulterr.ErrUnauthenticated) {
			t.Errorf("Do = %v, want ErrUnauthenticated", err)
		}
	})
}

// TestTokenFileIsReadAgainSoon: a source that has not changed is no refused login.
func TestTokenFileIsReadAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vague()
		v.shy = true
		v.tokens = map[string]*fakeToken{"fake-old": {ends: time.Now().Add(time.Hour)}, "fake-new": {ends: time.Now().Add(time.Hour)}}
		source := "fake-old"
		s, _ := v.opened(t, Token(Credential{label: "a file", read: func() (string, error) { return source, nil }}))
		if err := s.Do(t.Context(), probe); err != nil {
			t.Fatalf("Do = %v", err)
		}
		v.set(func(v *fakeVault) { delete(v.tokens, "fake-old") })
		wantDenied(t, s.Do(t.Context(), probe))
		source = "fake-new"
		time.Sleep(coolDown.Min)
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do with a new token in the file = %v", err)
		}
	})
}

// TestRightToLookUpIsTakenAway: the token is not taken for an ended one as long as it is
// served.
func TestRightToLookUpIsTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vague()
		v.tokens = map[string]*fakeToken{"fake-bare": {ends: time.Now().Add(1000 * time.Hour)}}
		s, _ := v.opened(t, Token(Value("fake-bare")))
		v.set(func(v *fakeVault) { v.shy = true })
		failed := 0
		for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(time.Second) {
			if err := s.Do(t.Context(), read("secret/data/denied")); !errors.Is(vaulterr.Kind(err), vaulterr.ErrPermissionDenied) {
				failed++
			}
			if err := s.Do(t.Context(), probe); err != nil {
				t.Fatalf("Do = %v", err)
			}
		}
		if failed > 20 || s.lost {
			t.Errorf("%d of 600 denials were taken for the end of the token, lost %t", failed, s.lost)
		}
	})
}

func TestCloseDuringAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vague()
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { v.takes = time.Second })
		result := make(chan error, 1)
		go func() { result <- s.Do(t.Context(), read("secret/data/denied")) }()
		time.Sleep(1500 * time.Millisecond)
		_ = s.Close()
		if err := <-result; err == nil {
			t.Error("Do = nil")
		}
	})
}

// TestNodeThatLagsOnAVagueServer: it does not know the token that a login has just given.
func TestNodeThatLagsOnAVagueServer(t *testing.T) {
	for nodes := range 3 {
		t.Run(fmt.Sprintf("%d nodes", nodes+1), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := vague()
				s, _ := v.opened(t, nil)
				v.endTokens()
				v.set(func(v *fakeVault) { v.lag, v.nodes = 700*time.Millisecond, nodes+1 })
				for start := time.Now(); time.Since(start) < 5*time.Minute; time.Sleep(100 * time.Millisecond) {
					if err := s.Do(t.Context(), probe); err != nil && time.Since(start) > 5*time.Second {
						t.Fatalf("after %v: Do = %v", time.Since(start), err)
					}
				}
				if logins, _, _ := v.count(); logins > 4 {
					t.Errorf("%d logins, want the first and at most three more", logins)
				}
			})
		})
	}
}
