package vaultkit

import (
	"os"
	"strconv"

	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

// FromEnvironment configures the client by the variables of the Vault CLI
// (VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT, VAULT_CAPATH, VAULT_CLIENT_CERT,
// VAULT_CLIENT_KEY, VAULT_TLS_SERVER_NAME, VAULT_SKIP_VERIFY), VAULTKIT_MOUNT
// and VAULTKIT_BASE, and chooses the login: VAULTKIT_AUTH (token, approle or
// kubernetes) where set, else the first that has its variables:
//
//   - token: VAULT_TOKEN, or VAULTKIT_TOKEN_FILE
//   - approle: VAULT_ROLE_ID or VAULTKIT_ROLE_ID_FILE, with VAULT_SECRET_ID,
//     VAULTKIT_SECRET_ID_FILE, VAULTKIT_WRAPPED_SECRET_ID or
//     VAULTKIT_WRAPPED_SECRET_ID_FILE; VAULTKIT_APPROLE_MOUNT
//   - kubernetes: VAULTKIT_KUBERNETES_ROLE; VAULTKIT_JWT_FILE,
//     VAULTKIT_KUBERNETES_MOUNT
//   - the token in ~/.vault-token
func FromEnvironment() Option { return fromEnvironment }

// fromEnvironment is FromEnvironment's work.
func fromEnvironment(c *config) {
	set := func(field *string, name string) {
		if value := os.Getenv(name); value != "" {
			*field = value
		}
	}
	set(&c.address, "VAULT_ADDR")
	set(&c.namespace, "VAULT_NAMESPACE")
	set(&c.mount, "VAULTKIT_MOUNT")
	set(&c.base, "VAULTKIT_BASE")
	var tls TLS
	set(&tls.CAFile, "VAULT_CACERT")
	set(&tls.CADir, "VAULT_CAPATH")
	set(&tls.CertFile, "VAULT_CLIENT_CERT")
	set(&tls.KeyFile, "VAULT_CLIENT_KEY")
	set(&tls.ServerName, "VAULT_TLS_SERVER_NAME")
	if text := os.Getenv("VAULT_SKIP_VERIFY"); text != "" {
		skip, err := strconv.ParseBool(text)
		if err != nil {
			c.err = vaulterr.Invalid("VAULT_SKIP_VERIFY must be true or false")
		}
		tls.SkipVerify = skip
	}
	if tls != (TLS{}) {
		c.tls = &tls
	}
	login, err := loginFromEnvironment()
	if err != nil {
		c.err = err
	}
	if login != nil {
		c.login = login
	}
}

// loginFromEnvironment is the login VAULTKIT_AUTH names, or else the first whose
// variables are set; ~/.vault-token comes last. Nil: none.
func loginFromEnvironment() (session.Method, error) {
	switch auth := os.Getenv("VAULTKIT_AUTH"); auth {
	case "token":
		return tokenFromEnvironment(), nil
	case "approle":
		return appRoleFromEnvironment(), nil
	case "kubernetes":
		return kubernetesFromEnvironment(), nil
	case "":
	default:
		return nil, vaulterr.Invalid("VAULTKIT_AUTH is %q, not token, approle or kubernetes", auth)
	}
	switch {
	case anySet("VAULT_TOKEN", "VAULTKIT_TOKEN_FILE"):
		return tokenFromEnvironment(), nil
	case anySet("VAULT_ROLE_ID", "VAULTKIT_ROLE_ID_FILE"):
		return appRoleFromEnvironment(), nil
	case anySet("VAULTKIT_KUBERNETES_ROLE"):
		return kubernetesFromEnvironment(), nil
	case session.HasCLIToken():
		return session.Token(CLIToken()), nil
	}
	return nil, nil
}

func tokenFromEnvironment() session.Method {
	return session.Token(firstSet(CLIToken(), "VAULT_TOKEN", "VAULTKIT_TOKEN_FILE"))
}

func appRoleFromEnvironment() session.Method {
	secretID := firstSet(Env("VAULT_SECRET_ID"), "VAULT_SECRET_ID", "VAULTKIT_SECRET_ID_FILE")
	if anySet("VAULTKIT_WRAPPED_SECRET_ID", "VAULTKIT_WRAPPED_SECRET_ID_FILE") {
		secretID = Wrapped(firstSet(Credential{}, "VAULTKIT_WRAPPED_SECRET_ID", "VAULTKIT_WRAPPED_SECRET_ID_FILE"))
	}
	roleID := firstSet(Env("VAULT_ROLE_ID"), "VAULT_ROLE_ID", "VAULTKIT_ROLE_ID_FILE")
	return session.AppRole(os.Getenv("VAULTKIT_APPROLE_MOUNT"), roleID, secretID)
}

func kubernetesFromEnvironment() session.Method {
	return session.Kubernetes(os.Getenv("VAULTKIT_KUBERNETES_MOUNT"), os.Getenv("VAULTKIT_KUBERNETES_ROLE"), os.Getenv("VAULTKIT_JWT_FILE"))
}

// firstSet is the credential of the variable value if that is set, else of the
// file that the variable file names, else the fallback.
func firstSet(fallback Credential, value, file string) Credential {
	switch {
	case anySet(value):
		return Env(value)
	case anySet(file):
		return File(os.Getenv(file))
	}
	return fallback
}

func anySet(names ...string) bool {
	for _, name := range names {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}
