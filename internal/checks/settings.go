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

const exampleAddress = "https://vault.example.com:8200"

// configuration makes the client, which connects to nothing yet.
func (x *exam) configuration(context.Context) Finding {
	if x.OptionsError != nil {
		return failed(x.OptionsError, "", x.OptionsFix)
	}
	var err error
	x.client, x.closeIdle, err = x.Connect()
	if err != nil {
		return failed(err, "", x.settingsFix())
	}
	return okay(x.url().Redacted() + ", " + x.Mount + "/" + x.Base)
}

// mendSettings: it is the address or a file for TLS, which are all that is read.
func (x *exam) settingsFix() Fix {
	address, err := url.Parse(x.Address)
	if err == nil && address.Host != "" && address.User == nil && len(x.TLSFiles) > 0 {
		line := "ls -l"
		for _, name := range x.TLSFiles {
			line += " " + quote(name)
		}
		return ListTLSFiles.fix(line)
	}
	return addressFix()
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
		return failed(vaulterr.Invalid("no login"), "no login: there is no token (VAULT_TOKEN, ~/.vault-token), AppRole or Kubernetes role", VaultLogin.fix("vault login"))
	}
	about, err := session.Probe(x.Login)
	x.login = about
	switch {
	case err != nil:
		fix := x.credentialFix()
		return failed(err, errorText(err)+x.explainGuess(fix), fix)
	case len(about.WorldReadable) > 0:
		return warning("every user of this machine may read "+strings.Join(about.WorldReadable, ", "), ProtectFile.fix("chmod 600 "+quotes(about.WorldReadable)))
	case len(x.IgnoredLogins) > 0:
		return warning(x.Login.String()+"; it wins over the "+strings.Join(x.IgnoredLogins, " and the ")+" login whose variables are set too: name the one that is meant",
			ChooseLogin.fix("export VAULTKIT_AUTH="+x.IgnoredLogins[0]))
	}
	return okay(x.Login.String())
}

func (x *exam) credentialFix() Fix {
	switch {
	case x.login.File != "":
		return ListCredential.fix("ls -l " + quote(x.login.File))
	case x.login.Kind == session.KindAppRole:
		return x.secretIDFix()
	}
	return NewToken.fix(x.newToken(x.policies))
}

// nameAddress: the address is for a person to know.
func addressFix() Fix { return NameAddress.fix("export VAULT_ADDR=" + exampleAddress) }

// readClock shows whether the local clock is set from elsewhere. Setting it is not for
// a program to advise without that.
func clockFix() Fix {
	return ReadClock.fix(cmp.Or(map[string]string{"darwin": "sntp time.apple.com", "windows": "w32tm /query /status"}[runtime.GOOS], "timedatectl"))
}
