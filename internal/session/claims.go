package session

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"goblin/vaultkit/internal/vaulterr"
)

// Claims is what a JWT says about itself. Its signature is not verified: only Vault knows the
// keys.
type Claims struct {
	Issuer    string
	Subject   string
	Audiences []string
	Ends      time.Time // zero: the JWT does not say when it ends
	all       map[string]any
}

// Text returns a claim that is a text, a number or a truth value, and "" for every other one.
func (c *Claims) Text(name string) string {
	switch value := c.all[name].(type) {
	case string:
		return value
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(value)
	}
	return ""
}

// LackedTime says which missing claims may have made Vault refuse the JWT because of its time. It is
// empty if another cause is as likely, such as a wrong clock. For a JWT without exp, Vault assumes an
// end 150 s after iat or nbf. For one without iat and nbf, it assumes a start 150 s before exp.
func (c *Claims) LackedTime(reason vaulterr.JWTReason) string {
	has := func(name string) bool { _, ok := c.all[name]; return ok }
	switch {
	case reason == vaulterr.JWTExpired && !has("exp"):
		return "the JWT lacks the claim exp, so Vault accepts it only for minutes after iat and nbf: its issuer must write exp, " +
			"or the role needs an expiration_leeway"
	case reason == vaulterr.JWTNotYetValid && !has("iat") && !has("nbf"):
		return "the JWT lacks the claims iat and nbf, so Vault accepts it only for minutes before exp: its issuer must write iat, " +
			"or the role needs a not_before_leeway"
	}
	return ""
}

// parseClaims returns the claims of the JWT that a credential holds. Its error does not contain
// the JWT.
func parseClaims(from Credential, token string) (*Claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, vaulterr.Invalid("%s is not a JWT, which has three parts with a dot between them", from)
	}
	c := &Claims{}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &c.all) != nil {
		return nil, vaulterr.Invalid("%s is not a JWT: its second part is not JSON in base64url", from)
	}
	c.Issuer, c.Subject = c.Text("iss"), c.Text("sub")
	switch audience := c.all["aud"].(type) {
	case string:
		c.Audiences = []string{audience}
	case []any:
		for _, one := range audience {
			if text, ok := one.(string); ok {
				c.Audiences = append(c.Audiences, text)
			}
		}
	}
	if ends, ok := c.all["exp"].(float64); ok {
		c.Ends = time.Unix(int64(ends), 0)
	}
	return c, nil
}
