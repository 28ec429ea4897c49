package main

import (
	"cmp"
	"os"
	"slices"
	"strconv"

	"goblin/vaultkit"
)

// login is the login that the flags choose, completed from the environment; nil
// leaves the choice to the environment.
func (c *connection) login() (vaultkit.Option, error) {
	kind, err := c.loginKind()
	if err != nil {
		return nil, err
	}
	switch kind {
	case "token":
		return vaultkit.WithToken(c.token()), nil
	case "approle":
		return vaultkit.WithAppRole(c.appRole()), nil
	case "kubernetes":
		return vaultkit.WithKubernetes(vaultkit.Kubernetes{
			Role:    orEnv(c.kubernetesRole, "VAULTKIT_KUBERNETES_ROLE"),
			JWTFile: orEnv(c.jwtFile, "VAULTKIT_JWT_FILE"),
			Mount:   orEnv(c.kubernetesM, "VAULTKIT_KUBERNETES_MOUNT"),
		}), nil
	}
	return nil, nil
}

// loginKind is what --auth says, or else the one login whose flags are given.
func (c *connection) loginKind() (string, error) {
	known := []string{"", "token", "approle", "kubernetes"}
	if !slices.Contains(known, c.auth) {
		return "", misuse("--auth must be token, approle or kubernetes")
	}
	kind := c.auth
	for _, s := range c.settings() {
		switch {
		case s.login == "" || *s.value == "":
		case kind == "":
			kind = s.login
		case kind != s.login:
			return "", misuse("--%s belongs to the %s login, other flags choose %s", s.name, s.login, kind)
		}
	}
	return kind, nil
}

func (c *connection) token() vaultkit.Credential {
	return firstOf(vaultkit.CLIToken(), c.tokenFile, "VAULT_TOKEN", "VAULTKIT_TOKEN_FILE")
}

func (c *connection) appRole() vaultkit.AppRole {
	role := vaultkit.AppRole{Mount: orEnv(c.approleMount, "VAULTKIT_APPROLE_MOUNT")}
	role.RoleID = firstOf(vaultkit.Env("VAULT_ROLE_ID"), c.roleIDFile, "VAULT_ROLE_ID", "VAULTKIT_ROLE_ID_FILE")
	if c.roleID != "" {
		role.RoleID = vaultkit.Value(c.roleID)
	}
	wrapped := cmp.Or(os.Getenv("VAULTKIT_WRAPPED_SECRET_ID"), os.Getenv("VAULTKIT_WRAPPED_SECRET_ID_FILE")) != ""
	if c.secretIDFile == "" && (c.wrappedSecretID != "" || wrapped) {
		role.SecretID = vaultkit.Wrapped(firstOf(vaultkit.Credential{}, c.wrappedSecretID,
			"VAULTKIT_WRAPPED_SECRET_ID", "VAULTKIT_WRAPPED_SECRET_ID_FILE"))
		return role
	}
	role.SecretID = firstOf(vaultkit.Env("VAULT_SECRET_ID"), c.secretIDFile, "VAULT_SECRET_ID", "VAULTKIT_SECRET_ID_FILE")
	return role
}

// firstOf is the credential in the file the flag names, else in the variable
// value, else in the file the variable file names, else the fallback.
func firstOf(fallback vaultkit.Credential, flag, value, file string) vaultkit.Credential {
	switch {
	case flag != "":
		return vaultkit.File(flag)
	case os.Getenv(value) != "":
		return vaultkit.Env(value)
	case os.Getenv(file) != "":
		return vaultkit.File(os.Getenv(file))
	}
	return fallback
}

func orEnv(flag, variable string) string { return cmp.Or(flag, os.Getenv(variable)) }

// truth reads a switch of the environment; FromEnvironment refuses what is none.
func truth(text string) bool {
	on, _ := strconv.ParseBool(text)
	return on
}
