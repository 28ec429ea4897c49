package checks

import (
	"context"
	"net/url"
	"strings"

	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

const exampleAddress = "https://vault.example.com:8200"

// configuration creates the client, which does not connect yet.
func (x *exam) configuration(context.Context) Finding {
	if x.OptionsError != nil {
		return failed(x.OptionsError, "", x.OptionsFix)
	}
	var err error
	x.client, x.closeIdle, err = x.Connect()
	if err != nil {
		return failed(err, "", x.settingsFix())
	}
	where := x.where()
	if x.namespace() != "" {
		where += ", namespace " + x.namespace()
	}
	return okay(where + ", " + x.Mount + "/" + x.Base)
}

// settingsFix returns the fix for wrong settings. Creating a client reads only the address and
// the TLS files.
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

// where returns the server's address, as the user gave it for a socket.
func (x *exam) where() string {
	if socket := x.socket(); socket != "" {
		return vaulterr.Printable("unix://" + socket)
	}
	return x.url().Redacted()
}

// socket returns the path of the unix socket that the address names, or "" if it names none.
func (x *exam) socket() string {
	path, ok := strings.CutPrefix(x.Address, "unix://")
	if !ok {
		return ""
	}
	return path
}

// url returns the server's URL. The client has checked that it is valid and has no credentials.
func (x *exam) url() *url.URL {
	address, err := url.Parse(x.client.Address())
	if err != nil {
		return &url.URL{}
	}
	return &url.URL{Scheme: address.Scheme, Host: address.Host, Path: address.Path}
}

// credentials reads the login's credentials and does not use them.
func (x *exam) credentials(ctx context.Context) Finding {
	if x.Login == nil {
		return failed(vaulterr.Invalid("no login"), "no login: there is no token (VAULT_TOKEN, ~/.vault-token), AppRole, Kubernetes role or JWT", VaultLogin.fix("vault login"))
	}
	about, err := session.Probe(ctx, x.Login)
	x.login = about
	ending, ended := x.endedJWT()
	switch {
	case err != nil:
		fix := x.credentialFix(err)
		return failed(err, errorText(err)+x.explainGuess(fix), fix)
	case ended:
		return ending
	case len(about.WorldReadable) > 0:
		return warning("every user of this machine can read "+strings.Join(about.WorldReadable, ", "), ProtectFile.fix("chmod 600 "+quotes(about.WorldReadable)))
	case len(x.IgnoredLogins) > 0:
		return warning(x.Login.String()+"; the variables of the "+strings.Join(x.IgnoredLogins, " and the ")+" login are set, too: choose one with VAULTKIT_AUTH",
			ChooseLogin.fix("export VAULTKIT_AUTH="+x.IgnoredLogins[0]))
	}
	return okay(x.describeLogin())
}

func (x *exam) credentialFix(err error) Fix {
	switch {
	case x.login.File != "":
		return x.listCredential()
	case x.login.Kind == session.KindAppRole:
		return x.credentialsFix()
	case x.login.Kind == session.KindJWT:
		return x.missingJWT(err)
	case x.login.Kind == session.KindToken:
		return x.tokenFix()
	}
	return ReadHelp.fix("vaultkit doctor --help") // the settings of the login can never work
}

// addressFix sets an example address, because only the user knows the right one.
func addressFix() Fix { return NameAddress.fix("export VAULT_ADDR=" + exampleAddress) }
