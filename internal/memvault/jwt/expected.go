package jwt

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Expected is what a JWT must say. An empty field is not checked. A leeway of 0 is Vault's
// default, a negative one is none.
type Expected struct {
	Algorithms []string
	Issuer     string
	Subject    string
	Audiences  []string // any of them

	NotBeforeLeeway, ExpirationLeeway, ClockSkewLeeway time.Duration

	// TimesOptional accepts a JWT without any time.
	TimesOptional bool
}

const (
	defaultLeeway = 150 * time.Second
	defaultSkew   = 60 * time.Second
)

// Check returns why the JWT is not as expected, or nil. It does not look at the signature.
func (e Expected) Check(t *Token, now time.Time) error {
	if len(e.Algorithms) > 0 && !slices.Contains(e.Algorithms, t.Algorithm) {
		return errors.New("invalid algorithm (alg) header parameter: token signed with unexpected algorithm")
	}
	if err := t.checkTexts(); err != nil {
		return err
	}
	switch {
	case e.Issuer != "" && t.text("iss") != e.Issuer:
		return errors.New("invalid issuer (iss) claim")
	case e.Subject != "" && t.text("sub") != e.Subject:
		return errors.New("invalid subject (sub) claim")
	case len(e.Audiences) > 0 && !anyIn(e.Audiences, t.Audience()):
		return fmt.Errorf("invalid audience (aud) claim: %w", errAudience)
	}
	return e.checkTimes(t, now)
}

var errAudience = errors.New("audience claim does not match any expected audience")

func anyIn(list, others []string) bool {
	return slices.ContainsFunc(list, func(one string) bool { return slices.Contains(others, one) })
}

// checkTimes derives the times that are missing from those that are there, with a leeway.
func (e Expected) checkTimes(t *Token, now time.Time) error {
	issued, starts, ends := t.seconds("iat"), t.seconds("nbf"), t.seconds("exp")
	if issued == 0 && starts == 0 && ends == 0 {
		if e.TimesOptional {
			return nil
		}
		return errors.New("no issued at (iat), not before (nbf), or expiration time (exp) claims in token")
	}
	if ends == 0 {
		ends = max(issued, starts) + int64(leeway(e.ExpirationLeeway, defaultLeeway).Seconds())
	}
	if starts == 0 {
		starts = issued
	}
	if starts == 0 {
		starts = ends - int64(leeway(e.NotBeforeLeeway, defaultLeeway).Seconds())
	}
	skew := leeway(e.ClockSkewLeeway, defaultSkew)
	switch {
	case now.Add(skew).Before(time.Unix(starts, 0)):
		return errors.New("invalid not before (nbf) claim: token not yet valid")
	case now.Add(-skew).After(time.Unix(ends, 0)):
		return errors.New("invalid expiration time (exp) claim: token is expired")
	case now.Add(skew).Before(time.Unix(issued, 0)):
		return errors.New("invalid issued at (iat) claim: token issued in the future")
	}
	return nil
}

func leeway(set, usual time.Duration) time.Duration {
	if set == 0 {
		return usual
	}
	return max(set, 0)
}
