// Package token keeps the tokens of the in-process Vault: their tree, their lifetimes and
// their uses. It serves auth/token/.
//
// Nothing runs in the background. A token's expiry is found when the token, one of its
// children or a list of tokens is asked for, so that a test may move the clock.
package token

import (
	"slices"
	"strings"
	"time"

	"goblin/vaultkit/internal/memvault/acl"
)

// usedUp is the number of uses of a token that is revoked after the current request.
const usedUp = -1

// Entry is a token.
type Entry struct {
	ID          string
	Accessor    string // "" for a batch token
	Parent      string // "" for an orphan
	Batch       bool
	Policies    []string
	Path        string // where it was created
	DisplayName string
	Meta        map[string]string
	NumUses     int // 0 for any number
	EntityID    string
	Created     time.Time
	TTL         time.Duration // at its creation; 0 for a root token that does not expire
	Renewable   bool
	Lifetime    Lifetime

	// Renew, if not nil, returns the lifetime that the auth method gives the token now.
	Renew func() (Lifetime, error)

	home    *Store // the namespace that it belongs to
	expires time.Time
	renewed time.Time
	uses    int  // as it was created
	orphan  bool // as it was created
}

// Root reports whether the token has the root policy.
func (e *Entry) Root() bool { return slices.Contains(e.Policies, acl.Root) }

// first reports whether it is the root token of the server's initialisation.
func (e *Entry) first() bool { return e.Path == firstPath }

const firstPath = "auth/token/root"

func (e *Entry) kind() string {
	if e.Batch {
		return "batch"
	}
	return "service"
}

func (e *Entry) expired(now time.Time) bool { return e.TTL > 0 && e.expires.Before(now) }

// forgetForBatch drops what a batch token cannot hold, because it is the token's own text
// that holds everything: parts of a second, limits that only renewals need, and empty lists.
func (e *Entry) forgetForBatch() {
	e.Created = e.Created.Truncate(time.Second)
	e.expires = e.Created.Add(e.TTL)
	e.Lifetime.ExplicitMax, e.Lifetime.Period = 0, 0
	if len(e.Policies) == 0 {
		e.Policies = nil
	}
	if len(e.Meta) == 0 {
		e.Meta = nil
	}
}

// displayName replaces what Vault does not allow in a name.
func displayName(name string) string {
	if name == "" {
		return "token"
	}
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, name)
	return strings.TrimSuffix("token-"+safe, "-")
}
