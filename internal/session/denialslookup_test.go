package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// TestManyDenialsCostFewQuestions: each request is another one.
func TestManyDenialsCostFewQuestions(t *testing.T) {
	for name, tc := range map[string]struct {
		shy    bool
		logins int // the first, and at most one in a cool-down
	}{"may look itself up": {false, 1}, "may not": {true, 45}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newAmbiguousVault()
				v.noSelfLookup = tc.shy
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

// TestQuestionWithoutAnAnswer: an outage during the question leaves the denial as it is,
// and nothing is learned.
func TestQuestionWithoutAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		s, _ := v.opened(t, nil)
		v.endTokens()
		wantDenied(t, s.Do(t.Context(), func(ctx context.Context, c *api.Client) error {
			err := probe(ctx, c)
			v.set(func(v *fakeVault) { v.down = true })
			return err
		}))
		v.set(func(v *fakeVault) { v.down = false })
		time.Sleep(loginBackoff.Min)
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do = %v", err)
		}
		v.wantLogins(t, 2)
	})
}

// TestQuestionsBeginAnewAfterAQuietTime: the pause between them does not stay long.
func TestQuestionsBeginAnewAfterAQuietTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.noSelfLookup = true
		s, _ := v.opened(t, nil)
		for i := range 600 {
			wantDenied(t, s.Do(t.Context(), read(fmt.Sprintf("secret/data/denied-%d", i))))
			time.Sleep(time.Second)
		}
		time.Sleep(5 * time.Minute)
		wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		v.endTokens()
		time.Sleep(loginBackoff.Min)
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do on an ended token = %v", err)
		}
	})
}

// TestCallerLeavesTheQuestion: its own end is no reason to wait.
func TestCallerLeavesTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { v.latency = time.Second })
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		began := time.Now()
		wantDenied(t, s.Do(ctx, read("secret/data/denied")))
		if took := time.Since(began); took != 1500*time.Millisecond {
			t.Errorf("Do took %v, want until its context ended", took)
		}
	})
}

// TestHonestServerCostsNothing: one that names the token is asked once in ten minutes
// what it says of an unknown one, and nothing else.
func TestHonestServerCostsNothing(t *testing.T) {
	for name, v := range map[string]*fakeVault{
		"usual": {}, "may not look itself up": {noSelfLookup: true}, "uses are counted": {uses: 1e6},
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
				if v.lookups != 0 || v.unknownLookups < 1 || v.unknownLookups > 7 {
					t.Errorf("%d questions about the token and %d about an unknown one in an hour", v.lookups, v.unknownLookups)
				}
			})
		})
	}
}

// TestDenialInOtherWordsCostsNothing: OpenBao 2.6 has other words for a missing right than
// for a token that has ended, and only the latter are worth a question.
func TestDenialInOtherWordsCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.distinctText, v.noSelfLookup = true, true
		s, _ := v.opened(t, nil)
		for i := range 100 {
			wantDenied(t, s.Do(t.Context(), read(fmt.Sprintf("secret/data/denied-%d", i))))
			time.Sleep(time.Second)
		}
		v.wantLogins(t, 1)
		if v.lookups != 0 || v.unknownLookups != 1 {
			t.Errorf("%d questions about the token and %d about an unknown one, want 0 and 1", v.lookups, v.unknownLookups)
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
		v.set(func(v *fakeVault) { v.sameText = true })
		v.endTokens()
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do on an ended token = %v", err)
		}
		v.wantLogins(t, 2)
	})
}

// TestSomethingInBetweenAnswersUnknownTokens: a gateway that knows tokens by their form.
func TestSomethingInBetweenAnswersUnknownTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.unknownStatus = http.StatusBadRequest
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
		v := newAmbiguousVault()
		v.noSelfLookup, v.unknownStatus = true, http.StatusOK
		s, _ := v.opened(t, nil)
		for start := time.Now(); time.Since(start) < 9*time.Minute; time.Sleep(100 * time.Millisecond) {
			wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		}
		v.wantLogins(t, 1)
		if v.unknownLookups != 1 || v.lookups != 0 {
			t.Errorf("%d questions with an unknown token and %d with its own, want 1 and 0", v.unknownLookups, v.lookups)
		}
	})
}

// TestUnansweredQuestionWithAnUnknownToken is not asked for each denial, and asked again.
func TestUnansweredQuestionWithAnUnknownToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.lookupDown = true
		s, _ := v.opened(t, nil)
		for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(100 * time.Millisecond) {
			wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		}
		if v.unknownLookups < 20 || v.unknownLookups > 45 {
			t.Errorf("%d questions in 10 min, want one in about 30 s", v.unknownLookups)
		}
		v.set(func(v *fakeVault) { v.lookupDown = false })
		v.endTokens()
		time.Sleep(loginBackoff.Max)
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do on an ended token = %v", err)
		}
		v.wantLogins(t, 2)

		time.Sleep(unknownTokenTTL)
		v.lookupDown, v.unknownLookups = true, 0
		for start := time.Now(); time.Since(start) < 8*time.Second; time.Sleep(100 * time.Millisecond) {
			wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		}
		if v.unknownLookups < 3 {
			t.Errorf("%d questions in the first 8 s of another outage, want at least 3", v.unknownLookups)
		}
	})
}

// TestQuestionAboutAnOlderToken says nothing about the present one.
func TestQuestionAboutAnOlderToken(t *testing.T) {
	var d denials
	nobody := func(*tokenLookup) {}
	first, _ := d.decide("GET a", &lease{}, true, nobody)
	d.nextLookup = time.Time{}
	present := &lease{}
	second, _ := d.decide("GET a", present, true, nobody)
	if second == nil || second == first {
		t.Fatal("decide joins the question about an older token")
	}
	d.recordLookup(first, nil)
	if again, _ := d.decide("GET b", present, true, nobody); again != second {
		t.Error("decide asks again, although the question about the token is under way")
	}
}

// TestAnswerOutlivesAnOutage: what the server says of unknown tokens is still known when
// it cannot be asked again.
func TestAnswerOutlivesAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.noSelfLookup = true
		s, _ := v.opened(t, nil)
		wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		time.Sleep(2 * unknownTokenTTL)
		v.set(func(v *fakeVault) { v.uses = 1e6 }) // it is not looked up
		v.endTokens()
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do on an ended token = %v", err)
		}
		time.Sleep(2 * unknownTokenTTL)
		v.set(func(v *fakeVault) { v.lookupDown = true })
		v.endTokens()
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do on an ended token while lookup-self is down = %v", err)
		}
	})
}

// TestRightToLookUpIsTakenAway: the token is not taken for an ended one as long as it is
// served.
func TestRightToLookUpIsTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.tokens = map[string]*fakeToken{"fake-bare": {ends: time.Now().Add(1000 * time.Hour)}}
		s, _ := v.opened(t, Token(FromString("fake-bare")))
		v.set(func(v *fakeVault) { v.noSelfLookup = true })
		failed := 0
		for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(time.Second) {
			if err := s.Do(t.Context(), read("secret/data/denied")); !errors.Is(vaulterr.Kind(err), vaulterr.ErrPermissionDenied) {
				failed++
			}
			if err := s.Do(t.Context(), probe); err != nil {
				t.Fatalf("Do = %v", err)
			}
		}
		if failed > 20 || s.tokenRefused {
			t.Errorf("%d of 600 denials were taken for the end of the token, lost %t", failed, s.tokenRefused)
		}
	})
}

func TestCloseDuringAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { v.latency = time.Second })
		result := make(chan error, 1)
		go func() { result <- s.Do(t.Context(), read("secret/data/denied")) }()
		time.Sleep(1500 * time.Millisecond)
		_ = s.Close()
		if err := <-result; err == nil {
			t.Error("Do = nil")
		}
	})
}
