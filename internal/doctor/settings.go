package doctor

import (
	"cmp"
	"context"
	"net/url"
	"runtime"
	"strings"

	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

const anAddress = "https://vault.example.com:8200"

// configuration makes the client, which connects to nothing yet.
func (x *exam) configuration(context.Context) Finding {
	if x.Invalid != nil {
		return failed(x.Invalid, "", x.Remedy)
	}
	var err error
	x.client, x.hangUp, err = x.Dial()
	if err != nil {
		return failed(err, "", x.mendSettings())
	}
	return okay(x.url().Redacted() + ", " + x.Mount + "/" + x.Base)
}

// mendSettings: it is the address or a file for TLS, which are all that is read.
func (x *exam) mendSettings() string {
	address, err := url.Parse(x.Address)
	if err == nil && address.Host != "" && address.User == nil && len(x.TLSFiles) > 0 {
		line := "ls -l"
		for _, name := range x.TLSFiles {
			line += " " + quote(name)
		}
		return line
	}
	return "export VAULT_ADDR=" + anAddress
}

// url is the server's. The client has checked that it is one, without credentials.
func (x *exam) url() *url.URL {
	address, err := url.Parse(x.client.Address())
	if err != nil {
		return &url.URL{}
	}
	return &url.URL{Scheme: address.Scheme, Host: address.Host, Path: address.Path}
}

// credentials reads what the login needs and uses nothing of it.
func (x *exam) credentials(context.Context) Finding {
	if x.Login == nil {
		return failed(vaulterr.Invalid("no login"), "no login: there is no token (VAULT_TOKEN, ~/.vault-token), AppRole or Kubernetes role", "vault login")
	}
	about, err := session.Examine(x.Login)
	x.login = about
	switch {
	case err != nil:
		return failed(err, "", x.mendCredentials())
	case len(about.Exposed) > 0:
		return warning("every user of this machine may read "+strings.Join(about.Exposed, ", "), "chmod 600 "+quote(about.Exposed[0]))
	case len(x.PassedOver) > 0:
		return warning(x.Login.String()+"; it wins over the "+strings.Join(x.PassedOver, " and the ")+" login whose variables are set too: name the one that is meant",
			"export VAULTKIT_AUTH="+x.PassedOver[0])
	}
	return okay(x.Login.String())
}

func (x *exam) mendCredentials() string {
	switch {
	case x.login.File != "":
		return "ls -l " + quote(x.login.File)
	case x.login.Kind == session.KindAppRole:
		return x.newSecretID()
	}
	return "vault login"
}

// setClock sets the local clock.
func setClock() string {
	return cmp.Or(map[string]string{"darwin": "sudo sntp -sS time.apple.com", "windows": "w32tm /resync"}[runtime.GOOS],
		"sudo timedatectl set-ntp true")
}
