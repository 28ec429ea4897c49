package main

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
)

// connection is what the global flags say about where Vault is and who we are.
type connection struct {
	address, namespace, mount, base                    string
	auth, tokenFile                                    string
	roleID, roleIDFile, secretIDFile, wrappedSecretID  string
	approleMount, kubernetesRole, jwtFile, kubernetesM string
	caCert, clientCert, clientKey, tlsServerName       string
	timeout                                            time.Duration
}

// setting is one flag of the connection.
type setting struct {
	name  string
	value *string
	help  string
	login string // the login it belongs to; empty: none
	tls   bool
}

// settings lists the flags. None of them takes a secret: those come from files
// and from the environment.
func (c *connection) settings() []setting {
	return []setting{
		{name: "address", value: &c.address, help: "the server's `URL` (default $VAULT_ADDR)"},
		{name: "namespace", value: &c.namespace, help: "`namespace` of Vault Enterprise or HCP (default $VAULT_NAMESPACE)"},
		{name: "mount", value: &c.mount, help: "`path` of the KV version 2 mount (default $VAULTKIT_MOUNT, else secret)"},
		{name: "base", value: &c.base, help: "`path` below the mount (default $VAULTKIT_BASE, else goblin-assistant)"},
		{name: "auth", value: &c.auth, help: "`login`: token, approle or kubernetes (default: the one whose settings are given)"},
		{name: "token-file", value: &c.tokenFile, login: "token", help: "`file` with the token (default $VAULT_TOKEN, then ~/.vault-token)"},
		{name: "role-id", value: &c.roleID, login: "approle", help: "`id` of the AppRole (default $VAULT_ROLE_ID)"},
		{name: "role-id-file", value: &c.roleIDFile, login: "approle", help: "`file` with the AppRole's id"},
		{name: "secret-id-file", value: &c.secretIDFile, login: "approle", help: "`file` with the AppRole's secret id (default $VAULT_SECRET_ID)"},
		{name: "wrapped-secret-id-file", value: &c.wrappedSecretID, login: "approle", help: "`file` with a wrapping token around the secret id"},
		{name: "approle-mount", value: &c.approleMount, login: "approle", help: "`path` of the AppRole login (default approle)"},
		{name: "kubernetes-role", value: &c.kubernetesRole, login: "kubernetes", help: "`role` of the Kubernetes login"},
		{name: "jwt-file", value: &c.jwtFile, login: "kubernetes", help: "`file` with the pod's service account token (default: the projected one)"},
		{name: "kubernetes-mount", value: &c.kubernetesM, login: "kubernetes", help: "`path` of the Kubernetes login (default kubernetes)"},
		{name: "ca-cert", value: &c.caCert, tls: true, help: "PEM `file` of the CAs to trust (default $VAULT_CACERT, else the system's)"},
		{name: "client-cert", value: &c.clientCert, tls: true, help: "PEM `file` of the client's certificate (default $VAULT_CLIENT_CERT)"},
		{name: "client-key", value: &c.clientKey, tls: true, help: "PEM `file` of the client's key (default $VAULT_CLIENT_KEY)"},
		{name: "tls-server-name", value: &c.tlsServerName, tls: true, help: "`name` to expect in the server's certificate (default $VAULT_TLS_SERVER_NAME)"},
	}
}

// flagSet is the part of a set of flags that is needed here.
type flagSet interface {
	StringVar(p *string, name, value, usage string)
	DurationVar(p *time.Duration, name string, value time.Duration, usage string)
}

func (c *connection) addFlags(flags flagSet) {
	for _, s := range c.settings() {
		flags.StringVar(s.value, s.name, "", s.help)
	}
	flags.DurationVar(&c.timeout, "timeout", 30*time.Second,
		"`time` for all the work with Vault; waiting for input does not count, and a committed rotation gets 10s more for its record")
}

// withClient logs in, does the work within the timeout, and logs out.
func (c *cli) withClient(cmd *cobra.Command, work func(context.Context, *vaultkit.Client) error) error {
	options, err := c.options()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), c.timeout)
	defer cancel()
	client, err := vaultkit.New(ctx, options...)
	if err != nil {
		return err
	}
	defer func() {
		if err := client.Close(); err != nil {
			c.warn("%v", err)
		}
	}()
	return work(ctx, client)
}

// options turns the flags into options. The environment comes first, so that
// flags win.
func (c *cli) options() ([]vaultkit.Option, error) {
	if c.timeout <= 0 {
		return nil, misuse("--timeout must be more than 0")
	}
	if c.address == "" && os.Getenv("VAULT_ADDR") == "" {
		return nil, invalid("no address:", "set VAULT_ADDR or give --address", "for a Vault to play with, run: vaultkit dev")
	}
	login, err := c.login()
	if err != nil {
		return nil, err
	}
	options := []vaultkit.Option{
		vaultkit.FromEnvironment(),
		vaultkit.WithLogger(c.logger()),
		// One bound for everything: the timeout.
		vaultkit.WithTimeouts(vaultkit.Timeouts{Read: c.timeout, Write: c.timeout}),
	}
	for _, given := range []struct {
		value  string
		option func(string) vaultkit.Option
	}{
		{c.address, vaultkit.WithAddress}, {c.namespace, vaultkit.WithNamespace},
		{c.mount, vaultkit.WithMount}, {c.base, vaultkit.WithBasePath},
	} {
		if given.value != "" {
			options = append(options, given.option(given.value))
		}
	}
	if login != nil {
		options = append(options, login)
	}
	return append(options, c.tlsOptions()...), nil
}

// logger is silent unless asked to be verbose: a command lives for seconds, and
// what matters of a failure is in its error.
func (c *cli) logger() *slog.Logger {
	if !c.verbose {
		return nil
	}
	return slog.New(slog.NewTextHandler(c.Err, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// tlsOptions fills what the flags leave open from the environment: WithTLS
// replaces all of it. A CA named on the command line is meant to be checked,
// whatever VAULT_SKIP_VERIFY says.
func (c *connection) tlsOptions() []vaultkit.Option {
	given := false
	for _, s := range c.settings() {
		given = given || s.tls && *s.value != ""
	}
	if !given {
		return nil
	}
	skip := os.Getenv("VAULT_SKIP_VERIFY")
	tls := vaultkit.TLS{
		CAFile:     cmp.Or(c.caCert, os.Getenv("VAULT_CACERT")),
		CertFile:   cmp.Or(c.clientCert, os.Getenv("VAULT_CLIENT_CERT")),
		KeyFile:    cmp.Or(c.clientKey, os.Getenv("VAULT_CLIENT_KEY")),
		ServerName: cmp.Or(c.tlsServerName, os.Getenv("VAULT_TLS_SERVER_NAME")),
		SkipVerify: c.caCert == "" && truth(skip),
	}
	if c.caCert == "" {
		tls.CADir = os.Getenv("VAULT_CAPATH")
	}
	return []vaultkit.Option{vaultkit.WithTLS(tls)}
}
