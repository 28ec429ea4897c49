package memvault

import (
	"goblin/vaultkit/internal/memvault/approle"
	"goblin/vaultkit/internal/memvault/jwt"
	"goblin/vaultkit/internal/memvault/kubernetes"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/token"
)

// addAuthMethods adds the auth methods of a new server.
func (s *Server) addAuthMethods(table *mounts) {
	tokens := newMount("auth/token/", "token", nil)
	tokens.accessor = "auth_" + tokens.accessor
	tokens.description, tokens.engine = "token based credentials", s.tokens.Table()
	tokens.settings.tokenType = "default-service"
	table.add(tokens)
	for _, kind := range []string{"approle", "kubernetes"} {
		m, err := s.newAuthMethod("auth/"+kind+"/", kind)
		if err != nil {
			panic(err) // the list names known methods only
		}
		table.add(m)
	}
}

// newAuthMethod returns a mount with an auth method.
func (s *Server) newAuthMethod(path, kind string) (*mount, error) {
	m := newMount(path, kind, map[string]string{})
	m.accessor = "auth_" + m.accessor
	m.settings.tokenType = "default-service"
	limits := func() token.Limits { return token.Limits{Default: m.settings.defaultTTL, Max: m.settings.maxTTL} }
	switch kind {
	case "approle":
		m.engine, m.open = approle.New(&s.clock, s.tokens, limits).Table(), isLogin
	case "jwt":
		m.engine, m.open = jwt.New(&s.clock, s.tokens, limits).Table(), isLogin
	case "kubernetes":
		m.engine, m.open = kubernetes.New(&s.clock, s.tokens, &s.accounts, limits).Table(), isLogin
	case "oidc":
		return nil, logical.Unsupported("the auth method oidc")
	default:
		return nil, logical.Refuse("plugin not found in the catalog: %s", kind)
	}
	return m, nil
}

func isLogin(path string) bool { return path == "login" }

// SetServiceAccount makes the Kubernetes auth methods accept a JWT, as that of a service
// account. The JWT's claims must name the same account.
func (s *Server) SetServiceAccount(jwt string, account kubernetes.Account) {
	s.accounts.Set(jwt, account)
}

// RemoveServiceAccount makes them refuse the JWT again.
func (s *Server) RemoveServiceAccount(jwt string) { s.accounts.Remove(jwt) }

// RevokeTokens ends every token but the root token.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, inside := range s.namespaces {
		inside.tokens.RevokeAll(s.root)
	}
}
