package kubernetes

import (
	"net/http"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/jwt"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/token"
)

func (m *Method) login(r *logical.Request, p endpoint.Params) (*logical.Response, error) {
	found, account, err := m.check(p)
	if err != nil {
		return nil, err
	}
	alias := account.UID
	if found.alias == aliasName {
		alias = account.Namespace + "/" + account.Name
	}
	name := p.Text("role")
	return m.tokens.Login(found.Login(token.Login{
		Path: r.Mount + r.Path, Mount: r.Mount, Alias: alias, Name: account.Namespace + "-" + account.Name,
		Meta: map[string]string{
			"role": name, "service_account_uid": account.UID, "service_account_name": account.Name,
			"service_account_namespace": account.Namespace, "service_account_secret_name": "",
		},
		Renew: func() (token.Lifetime, error) { return m.lifetime(name) },
	}, m.limits()))
}

// check returns a copy of the role and the account that logs in.
func (m *Method) check(p endpoint.Params) (*role, Account, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	name, text := p.Text("role"), p.Text("jwt")
	found := m.roles.Find(name)
	switch {
	case name == "":
		return nil, Account{}, logical.Refuse("missing role")
	case text == "":
		return nil, Account{}, logical.Refuse("missing jwt")
	case found == nil:
		return nil, Account{}, logical.Refuse("invalid role name %q", name)
	case m.config == nil:
		return nil, Account{}, &logical.Error{Status: http.StatusInternalServerError, Text: "could not load backend configuration"}
	}
	account, audiences, err := m.claimed(found, text)
	if err != nil {
		return nil, Account{}, err
	}
	if why := found.allows(account); why != "" {
		return nil, Account{}, &logical.Error{Status: http.StatusForbidden, Text: why}
	}
	if !m.accounts.review(text, account, audiences) {
		return nil, Account{}, errDenied()
	}
	role := *found
	return &role, account, nil
}

func errDenied() error {
	return &logical.Error{Status: http.StatusForbidden, Text: "permission denied"}
}

// claimed returns the account that a JWT claims to be of, and for which audience the
// cluster must have issued it.
func (m *Method) claimed(r *role, text string) (Account, []string, error) {
	t, err := jwt.Parse(text)
	if err != nil {
		return Account{}, nil, errDenied()
	}
	expected := jwt.Expected{Algorithms: algorithms, TimesOptional: true}
	if !m.config.anyIssuer {
		expected.Issuer = m.config.issuer
	}
	audiences := t.Audience()
	if r.audience != "" {
		expected.Audiences, audiences = []string{r.audience}, []string{r.audience}
	}
	if err := expected.Check(t, m.clock.Now()); err != nil {
		return Account{}, nil, &logical.Error{Status: http.StatusForbidden, Text: err.Error()}
	}
	account := accountOf(t.Claims)
	account.Audiences = t.Audience()
	return account, audiences, nil
}

var algorithms = []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"}

// accountOf reads the claims of a projected token, or else of an older one.
func accountOf(claims map[string]any) Account {
	text := func(object map[string]any, name string) string {
		value, _ := object[name].(string)
		return value
	}
	if projected, ok := claims["kubernetes.io"].(map[string]any); ok {
		account, _ := projected["serviceaccount"].(map[string]any)
		return Account{Namespace: text(projected, "namespace"), Name: text(account, "name"), UID: text(account, "uid")}
	}
	const prefix = "kubernetes.io/serviceaccount/"
	return Account{
		Namespace: text(claims, prefix+"namespace"), Name: text(claims, prefix+"service-account.name"),
		UID: text(claims, prefix+"service-account.uid"),
	}
}
