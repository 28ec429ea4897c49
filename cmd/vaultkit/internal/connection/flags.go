package connection

import (
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flaggroup"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
)

// setting is a flag that overrides an environment variable.
type setting struct {
	name, variable string
	help           string
	login          string   // the login it belongs to; empty: none
	hides          []string // variables that would contradict it
	value          string
}

// group returns the heading of the flag in the help.
func (s *setting) group() string {
	if s.login != "" || s.name == "auth" {
		return "Login"
	}
	return "Connection"
}

// isFile reports whether the flag takes the path of a file.
func (s *setting) isFile() bool { return strings.Contains(s.help, "`file`") }

// newSettings returns the flags. None of them takes a secret: secrets come from files and
// from the environment.
func newSettings() []setting {
	secretIDs := []string{"VAULT_SECRET_ID", "VAULTKIT_SECRET_ID_FILE", "VAULTKIT_WRAPPED_SECRET_ID", "VAULTKIT_WRAPPED_SECRET_ID_FILE"}
	return []setting{
		{name: "address", variable: "VAULT_ADDR", help: "the server's `URL` (default $VAULT_ADDR)"},
		{name: "namespace", variable: "VAULT_NAMESPACE", help: "`namespace` of OpenBao, Vault Enterprise or HCP (default $VAULT_NAMESPACE)"},
		{name: "mount", variable: "VAULTKIT_MOUNT",
			help: "`path` of the KV version 2 mount in Vault (default $VAULTKIT_MOUNT, else " + DefaultMount + ")"},
		{name: "base", variable: "VAULTKIT_BASE",
			help: "`path` below the mount where the providers are (default $VAULTKIT_BASE, else " + DefaultBase + ")"},
		{name: "auth", variable: "VAULTKIT_AUTH",
			help: "`login` method: token, approle, kubernetes, jwt, or none behind a Vault Agent or Proxy that adds its token (default $VAULTKIT_AUTH, else the method whose settings are given)"},
		{name: "token-file", variable: "VAULTKIT_TOKEN_FILE", login: "token", hides: []string{"VAULT_TOKEN"},
			help: "`file` with the token (default $VAULT_TOKEN, else $VAULTKIT_TOKEN_FILE, else the token of the Vault CLI)"},
		{name: "role-id", variable: "VAULT_ROLE_ID", login: "approle", help: "role `id` of the AppRole (default $VAULT_ROLE_ID)"},
		{name: "role-id-file", variable: "VAULTKIT_ROLE_ID_FILE", login: "approle", hides: []string{"VAULT_ROLE_ID"},
			help: "`file` with the AppRole's role id (default $VAULTKIT_ROLE_ID_FILE)"},
		{name: "secret-id-file", variable: "VAULTKIT_SECRET_ID_FILE", login: "approle", hides: secretIDs,
			help: "`file` with the AppRole's secret id (default $VAULT_SECRET_ID, else $VAULTKIT_SECRET_ID_FILE)"},
		{name: "wrapped-secret-id-file", variable: "VAULTKIT_WRAPPED_SECRET_ID_FILE", login: "approle", hides: secretIDs,
			help: "`file` with a wrapping token for the secret id (default $VAULTKIT_WRAPPED_SECRET_ID, else $VAULTKIT_WRAPPED_SECRET_ID_FILE)"},
		{name: "approle-mount", variable: "VAULTKIT_APPROLE_MOUNT", login: "approle",
			help: "`path` of the AppRole login in Vault (default $VAULTKIT_APPROLE_MOUNT, else approle)"},
		{name: "kubernetes-role", variable: "VAULTKIT_KUBERNETES_ROLE", login: "kubernetes",
			help: "`role` of the Kubernetes login (default $VAULTKIT_KUBERNETES_ROLE)"},
		{name: "jwt-file", variable: "VAULTKIT_JWT_FILE", login: "kubernetes",
			help: "`file` with the pod's service account token (default $VAULTKIT_JWT_FILE, else the file that Kubernetes mounts into the pod)"},
		{name: "kubernetes-mount", variable: "VAULTKIT_KUBERNETES_MOUNT", login: "kubernetes",
			help: "`path` of the Kubernetes login in Vault (default $VAULTKIT_KUBERNETES_MOUNT, else kubernetes)"},
		{name: "jwt-role", variable: "VAULTKIT_JWT_ROLE", login: "jwt",
			help: "`role` of the JWT login (default $VAULTKIT_JWT_ROLE, else the default role of the mount)"},
		{name: "jwt-token-file", variable: "VAULTKIT_JWT_TOKEN_FILE", login: "jwt", hides: []string{"VAULTKIT_JWT_TOKEN"},
			help: "`file` with the JWT (default $VAULTKIT_JWT_TOKEN, else $VAULTKIT_JWT_TOKEN_FILE, else GitHub gives it to a job)"},
		{name: "jwt-audience", variable: "VAULTKIT_JWT_AUDIENCE", login: "jwt", hides: []string{"VAULTKIT_JWT_TOKEN", "VAULTKIT_JWT_TOKEN_FILE"},
			help: "`audience` of the JWT that GitHub gives to a job (default $VAULTKIT_JWT_AUDIENCE, else the URL of the repository's owner)"},
		{name: "jwt-mount", variable: "VAULTKIT_JWT_MOUNT", login: "jwt",
			help: "`path` of the JWT login in Vault (default $VAULTKIT_JWT_MOUNT, else jwt)"},
		// If a CA is named, the certificate must be verified.
		{name: "ca-cert", variable: "VAULT_CACERT", hides: []string{"VAULT_CACERT_BYTES", "VAULT_CAPATH", "VAULT_SKIP_VERIFY"},
			help: "PEM `file` with the certificates of the CAs to trust (default $VAULT_CACERT, else the system's)"},
		{name: "client-cert", variable: "VAULT_CLIENT_CERT", help: "PEM `file` with the client's certificate (default $VAULT_CLIENT_CERT)"},
		{name: "client-key", variable: "VAULT_CLIENT_KEY", help: "PEM `file` with the client's key (default $VAULT_CLIENT_KEY)"},
		{name: "tls-server-name", variable: "VAULT_TLS_SERVER_NAME",
			help: "`name` that the server's certificate must have (default $VAULT_TLS_SERVER_NAME)"},
	}
}

const timeoutHelp = "`time` limit of the whole command and of the commands that it runs, such as 30s or 2m; " +
	"waiting for input does not count, and a committed rotation gets 10s more to write its record " +
	"(default 30s, but a command gives up after 5s if it cannot reach the server)"

// AddFlags adds the global flags.
func (c *Connection) AddFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.BoolVar(&c.Verbose, "verbose", false, "log logins, token renewals and other events to stderr, without secrets")
	for i := range c.settings {
		s := &c.settings[i]
		flags.StringVar(&s.value, s.name, "", s.help)
		flaggroup.Set(flags, s.group(), s.name)
	}
	c.timeout, c.timeoutGiven = flagtype.Duration(30*time.Second), func() bool { return flags.Changed("timeout") }
	flags.VarPF(&c.timeout, "timeout", "", timeoutHelp).DefValue = "" // timeoutHelp names the default
}

// given returns the settings whose flags are used.
func (c *Connection) given() []setting {
	return slices.DeleteFunc(slices.Clone(c.settings), func(s setting) bool { return s.value == "" })
}

// RefuseFlags refuses the connection flags for a command that starts its own Vault.
func (c *Connection) RefuseFlags(cmd *cobra.Command) error {
	if given := c.given(); len(given) > 0 {
		return exitcode.UsageErrorf("%s starts its own Vault and does not use --%s", cmd.Name(), given[0].name)
	}
	return nil
}

// FileFlags returns the flags that take a file.
func (c *Connection) FileFlags() (names []string) {
	for _, s := range c.settings {
		if s.isFile() {
			names = append(names, s.name)
		}
	}
	return names
}

// identities are the variables with which a CI job proves its identity to Vault:
// GitLab's token, and the request token of GitHub.
var identities = []string{"VAULT_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL"}

// Credentials returns the variables with credentials.
func (c *Connection) Credentials() []string {
	variables := append([]string{"VAULT_CLIENT_KEY"}, identities...)
	for _, s := range c.settings {
		if s.login != "" {
			variables = append(append(variables, s.variable), s.hides...)
		}
	}
	return variables
}

// environment returns the environment with the flags applied.
func (c *Connection) environment() (func(name string) string, error) {
	login, err := c.login()
	if err != nil {
		return nil, err
	}
	return func(name string) string {
		hidden := false
		for _, s := range c.given() {
			if s.variable == name {
				return s.value
			}
			hidden = hidden || slices.Contains(s.hides, name)
		}
		switch {
		case hidden:
			return ""
		case name == "VAULTKIT_AUTH" && login != "":
			return login
		}
		return os.Getenv(name)
	}, nil
}

// Logins are the values of --auth.
var Logins = []string{"token", "approle", "kubernetes", "jwt", "none"}

// login returns the method of --auth, or the one login method whose flags are given;
// empty: the environment decides.
func (c *Connection) login() (string, error) {
	login := ""
	for _, s := range c.given() {
		if s.name == "auth" {
			login = s.value
		}
	}
	if login != "" && !slices.Contains(Logins, login) {
		return "", exitcode.UsageErrorf("--auth must be token, approle, kubernetes, jwt or none")
	}
	given := map[string]bool{}
	for _, s := range c.given() {
		given[s.name] = true
		switch {
		case s.login == "":
		case login == "":
			login = s.login
		case login != s.login:
			return "", exitcode.UsageErrorf("--%s belongs to the %s login, but other flags choose %s", s.name, s.login, login)
		}
	}
	if given["jwt-token-file"] && given["jwt-audience"] {
		return "", exitcode.UsageErrorf("--jwt-audience is for the JWT that GitHub gives to a job, but --jwt-token-file names another")
	}
	return login, nil
}
