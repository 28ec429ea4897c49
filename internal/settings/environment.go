package settings

import (
	"cmp"
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"goblin/vaultkit/internal/apiclient"
	"goblin/vaultkit/internal/exchange"
	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

// WithEnvironment returns the option that reads the variables that vaultkit.WithEnvironment
// lists. lookup returns the value of a variable, or "". It is called again at each login.
func WithEnvironment(lookup func(name string) string) func(*Settings) {
	return environment(lookup).configure
}

// WithTokenInPlaceOfCLIToken returns the option that takes the token from read, where otherwise
// the Vault CLI's file ~/.vault-token would be used. origin says where the token comes from.
func WithTokenInPlaceOfCLIToken(origin string, read func(context.Context) (string, error)) func(*Settings) {
	return func(s *Settings) {
		if s.BadVariable != "VAULTKIT_AUTH" && (s.Login == nil || session.UsesCLIToken(s.Login)) {
			s.SetLogin(session.Token(session.FromTokenHelper(origin, read)))
		}
	}
}

// environment returns the value of a variable, or "".
type environment func(name string) string

func (env environment) configure(s *Settings) {
	set := func(field *string, name string) { *field = cmp.Or(env(name), *field) }
	set(&s.Address, "VAULT_ADDR")
	set(&s.Namespace, "VAULT_NAMESPACE")
	if strings.ContainsFunc(s.Namespace, unicode.IsControl) {
		s.Err, s.BadVariable = vaulterr.Invalid("the namespace has a newline or another control character in it"), "VAULT_NAMESPACE"
	}
	set(&s.Mount, "VAULTKIT_MOUNT")
	set(&s.Base, "VAULTKIT_BASE")
	if hosts := env("VAULTKIT_REDIRECTS"); hosts != "" {
		s.Redirects = strings.Split(hosts, ",")
		if err := exchange.CheckHosts(s.Redirects); err != nil {
			s.Err, s.BadVariable = err, "VAULTKIT_REDIRECTS"
		}
	}
	var tls apiclient.TLS
	if s.TLS != nil {
		tls = *s.TLS
	}
	set(&tls.CAFile, "VAULT_CACERT")
	set(&tls.CAPEM, "VAULT_CACERT_BYTES")
	set(&tls.CADir, "VAULT_CAPATH")
	set(&tls.CertFile, "VAULT_CLIENT_CERT")
	set(&tls.KeyFile, "VAULT_CLIENT_KEY")
	set(&tls.ServerName, "VAULT_TLS_SERVER_NAME")
	if text := env("VAULT_SKIP_VERIFY"); text != "" {
		skip, err := strconv.ParseBool(text)
		if err != nil {
			s.Err, s.BadVariable = vaulterr.Invalid("VAULT_SKIP_VERIFY must be true or false"), "VAULT_SKIP_VERIFY"
		}
		tls.SkipVerify = skip
	}
	if tls != (apiclient.TLS{}) {
		s.TLS = &tls
	}
	login, err := env.login()
	if err != nil {
		s.Err, s.BadVariable = err, "VAULTKIT_AUTH"
	}
	if login != nil {
		s.SetLogin(login, env.ignoredLogins()...)
	}
}

// ignoredLogins returns the other logins whose variables are set, if VAULTKIT_AUTH
// names none.
func (env environment) ignoredLogins() []string {
	var ready []string
	for _, one := range []struct {
		login     string
		variables []string
	}{
		{"token", tokenVariables}, {"approle", roleVariables}, {"kubernetes", kubernetesVariables}, {"jwt", jwtVariables},
	} {
		if env.has(one.variables...) {
			ready = append(ready, one.login)
		}
	}
	if env.has("VAULTKIT_AUTH") || len(ready) < 2 {
		return nil
	}
	return ready[1:]
}

// The variables that choose a login.
var (
	tokenVariables      = []string{"VAULT_TOKEN", "VAULTKIT_TOKEN_FILE"}
	roleVariables       = []string{"VAULT_ROLE_ID", "VAULTKIT_ROLE_ID_FILE"}
	kubernetesVariables = []string{"VAULTKIT_KUBERNETES_ROLE"}
	jwtVariables        = []string{"VAULTKIT_JWT_ROLE", "VAULTKIT_JWT_TOKEN", "VAULTKIT_JWT_TOKEN_FILE", "VAULTKIT_JWT_AUDIENCE"}
)

// login returns the login that VAULTKIT_AUTH names. Without that variable, it returns the first
// one whose variables are set, and last ~/.vault-token. It returns nil if there is none.
func (env environment) login() (session.Method, error) {
	switch auth := env("VAULTKIT_AUTH"); auth {
	case "token":
		return env.token(), nil
	case "approle":
		return env.appRole(), nil
	case "kubernetes":
		return env.kubernetes(), nil
	case "jwt":
		return env.jwt(), nil
	case "none":
		return session.ProxyLogin(), nil
	case "":
	default:
		return nil, vaulterr.Invalid("VAULTKIT_AUTH is %q, not token, approle, kubernetes, jwt or none", auth)
	}
	switch {
	case env.has(tokenVariables...):
		return env.token(), nil
	case env.has(roleVariables...):
		return env.appRole(), nil
	case env.has(kubernetesVariables...):
		return env.kubernetes(), nil
	case env.has(jwtVariables...):
		return env.jwt(), nil
	case session.HasCLIToken():
		return session.Token(session.CLIToken()), nil
	}
	return nil, nil
}

func (env environment) token() session.Method {
	return session.Token(env.first(session.CLIToken(), "VAULT_TOKEN", "VAULTKIT_TOKEN_FILE"))
}

func (env environment) appRole() session.Method {
	secretID := env.first(env.variable("VAULT_SECRET_ID"), "VAULT_SECRET_ID", "VAULTKIT_SECRET_ID_FILE")
	if env.has("VAULTKIT_WRAPPED_SECRET_ID", "VAULTKIT_WRAPPED_SECRET_ID_FILE") {
		secretID = session.Wrapped(env.first(session.Credential{}, "VAULTKIT_WRAPPED_SECRET_ID", "VAULTKIT_WRAPPED_SECRET_ID_FILE"))
	}
	roleID := env.first(env.variable("VAULT_ROLE_ID"), "VAULT_ROLE_ID", "VAULTKIT_ROLE_ID_FILE")
	return session.AppRole(env("VAULTKIT_APPROLE_MOUNT"), roleID, secretID)
}

func (env environment) kubernetes() session.Method {
	return session.Kubernetes(env("VAULTKIT_KUBERNETES_MOUNT"), env("VAULTKIT_KUBERNETES_ROLE"), env("VAULTKIT_JWT_FILE"))
}

// jwt takes the JWT from a variable, a file, or GitHub.
func (env environment) jwt() session.Method {
	fallback := session.GitHubToken(env("VAULTKIT_JWT_AUDIENCE"), env, os.Stderr)
	if _, set := os.LookupEnv("VAULTKIT_JWT_TOKEN"); set && !env.has("ACTIONS_ID_TOKEN_REQUEST_URL", "VAULTKIT_JWT_AUDIENCE") {
		fallback = env.variable("VAULTKIT_JWT_TOKEN") // a pipeline that does not set it as it should; the error says that it is empty
	}
	token := env.first(fallback, "VAULTKIT_JWT_TOKEN", "VAULTKIT_JWT_TOKEN_FILE")
	return session.JWT(env("VAULTKIT_JWT_MOUNT"), env("VAULTKIT_JWT_ROLE"), token)
}

// first returns the credential in the variable value if that is set, else in the file that the
// variable file names, else the fallback.
func (env environment) first(fallback session.Credential, value, file string) session.Credential {
	switch {
	case env.has(value):
		return env.variable(value)
	case env.has(file):
		return session.FromFile(env(file))
	}
	return fallback
}

func (env environment) variable(name string) session.Credential { return session.FromLookup(name, env) }

func (env environment) has(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return env(name) != "" })
}
