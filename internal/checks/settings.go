package checks

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
func (x *exam) mendSettings() Fix {
	address, err := url.Parse(x.Address)
	if err == nil && address.Host != "" && address.User == nil && len(x.TLSFiles) > 0 {
		line := "ls -l"
		for _, name := range x.TLSFiles {
			line += " " + quote(name)
		}
		return ListTLSFiles.by(line)
	}
	return nameAddress()
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
		return failed(vaulterr.Invalid("no login"), "no login: there is no token (VAULT_TOKEN, ~/.vault-token), AppRole or Kubernetes role", VaultLogin.by("vault login"))
	}
	about, err := session.Probe(x.Login)
	x.login = about
	switch {
	case err != nil:
		fix := x.mendCredentials()
		return failed(err, textOf(err)+x.guess(fix), fix)
	case len(about.WorldReadable) > 0:
		return warning("every user of this machine may read "+strings.Join(about.WorldReadable, ", "), ProtectFile.by("chmod 600 "+quotes(about.WorldReadable)))
	case len(x.PassedOver) > 0:
		return warning(x.Login.String()+"; it wins over the "+strings.Join(x.PassedOver, " and the ")+" login whose variables are set too: name the one that is meant",
			ChooseLogin.by("export VAULTKIT_AUTH="+x.PassedOver[0]))
	}
	return okay(x.Login.String())
}

func (x *exam) mendCredentials() Fix {
	switch {
	case x.login.File != "":
		return ListCredential.by("ls -l " + quote(x.login.File))
	case x.login.Kind == session.KindAppRole:
		return x.newSecretID()
	}
	return NewToken.by(x.newToken(x.policies))
}

// nameAddress: the address is for a person to know.
func nameAddress() Fix { return NameAddress.by("export VAULT_ADDR=" + anAddress) }

// readClock shows whether the local clock is set from elsewhere. Setting it is not for
// a program to advise without that.
func readClock() Fix {
	return ReadClock.by(cmp.Or(map[string]string{"darwin": "sntp time.apple.com", "windows": "w32tm /query /status"}[runtime.GOOS], "timedatectl"))
}
