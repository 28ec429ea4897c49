package session

import (
	"errors"
	"time"

	"goblin/vaultkit/internal/vaulterr"
)

// tokenCheck records how requests with the last login's token have ended so far. It is
// open until the token counts as good.
type tokenCheck struct{ open, served, refused bool }

// markRefused notes that Vault has refused the token, unless it was replaced meanwhile.
func (s *Session) markRefused(held *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == held {
		s.tokenRefused = true
		s.watchResults.Store(true)
	}
}

// checkToken uses a request's outcome to check the last login's token. A success ends the
// check and resets the failed logins. If Vault refuses the new token too, for instance on
// a standby that lags behind, the login counts as failed. Otherwise each request would
// cause a login.
func (s *Session) checkToken(held *lease, err error) {
	if s.countsAsFailed(held, err) {
		s.log.Warn("vault does not know the token of the login", "method", s.config.Login, "accessor", held.accessor)
	}
}

// countsAsFailed reports, once, that the last login counts as failed. The pause begins at
// the login's time, so a token that is lost hours later is replaced at once. A token that
// worked and is refused soon after is also replaced at once, because it may have been
// revoked. If this happens to the next token too, the nodes do not agree, and the pause
// applies.
func (s *Session) countsAsFailed(held *lease, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.current != held:
	case vaultKnewToken(err):
		s.tokenRefused, s.check.served = false, true
		if s.check.open && !held.young(loginBackoff.Min) {
			s.failures, s.failure, s.tokenMayWork, s.nextLogin = 0, nil, false, time.Time{}
			s.check.open = false
		}
		s.watchResults.Store(s.check.open)
	case vaulterr.InvalidToken(err) && s.check.open && !s.check.refused:
		s.check.refused, s.tokenRefused = true, true
		s.failures++
		if s.check.served && s.failures == 1 {
			return false
		}
		s.failure, s.tokenMayWork, s.nextLogin = unknownNewTokenError(err), true, held.since.Add(loginBackoff.Delay(s.failures))
		return true
	}
	return false
}

// vaultKnewToken reports whether Vault accepted the token, even if the request failed.
func vaultKnewToken(err error) bool {
	kind := vaulterr.Kind(err)
	return err == nil || answeredByVault(err) && !errors.Is(kind, vaulterr.ErrUnavailable) && !errors.Is(kind, vaulterr.ErrUnauthenticated)
}

func unknownNewTokenError(err error) error {
	return &vaulterr.Error{
		Op: "login", Kind: vaulterr.ErrUnauthenticated, Err: err,
		Detail: "Vault does not know the token that it returned at login",
		Hint:   "a standby may lag behind: check the cluster's health and the role's token_num_uses",
	}
}
