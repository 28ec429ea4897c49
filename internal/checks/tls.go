package checks

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"goblin/vaultkit/internal/vaulterr"
)

// expiryWarning is how long before a certificate's end there is a warning.
const expiryWarning = 7 * 24 * time.Hour

// tls checks the encryption of the first request's connection.
func (x *exam) tls(context.Context) Finding {
	secure := x.health.secure
	switch {
	case vaulterr.NeedsHTTPS(x.health.err):
		return failed(x.health.err, "the server speaks HTTPS, but the address says http://", UseHTTPS.fix(x.command("doctor", "--address", x.withScheme("https"))))
	case vaulterr.TLSMismatch(x.health.err):
		return x.badTLS()
	case secure == nil && x.url().Scheme == "https":
		return okay("encrypted")
	case secure == nil && x.local():
		return okay("plain HTTP, on this machine")
	case secure == nil:
		return warning("plain HTTP: everyone on the network can read tokens and keys", TryHTTPS.fix(x.command("doctor", "--address", x.withScheme("https"))))
	case x.SkipVerify:
		return warning("the server's certificate is not verified, so another server can pretend to be Vault: unset VAULT_SKIP_VERIFY",
			VerifyServer.fix("env -u VAULT_SKIP_VERIFY "+x.command("doctor")))
	}
	leaf := secure.PeerCertificates[0]
	about := fmt.Sprintf("%s, the certificate of %s is valid until %s", tls.VersionName(secure.Version), namesOf(leaf), date(leaf.NotAfter))
	if time.Until(leaf.NotAfter) < expiryWarning {
		return warning(about, x.certificateFix())
	}
	return okay(about)
}

func (x *exam) badTLS() Finding {
	err := x.health.err
	unknown, isUnknown := errors.AsType[x509.UnknownAuthorityError](err)
	other, isOther := errors.AsType[x509.HostnameError](err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	alert, isAlert := errors.AsType[*net.OpError](err)
	_, isPlain := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case isOther:
		return x.wrongName(err, other)
	case isUnknown:
		return failed(err, "the certificate is signed by "+issuerOf(unknown.Cert)+", which is not trusted here: get that CA's certificate",
			TrustCA.fix(x.command("doctor", "--ca-cert", "ca.pem")))
	case isInvalid && invalid.Reason == x509.Expired:
		return failed(err, fmt.Sprintf("the certificate is valid from %s to %s, and here it is %s",
			date(invalid.Cert.NotBefore), date(invalid.Cert.NotAfter), date(time.Now())), x.certificateFix())
	case isAlert && alert.Op == "remote error":
		return failed(err, "the server refuses the connection: "+alert.Err.Error()+"; it may require a client certificate",
			GiveCertificate.fix(x.command("doctor", "--client-cert", "client.pem", "--client-key", "client-key.pem")))
	case isPlain, errors.Is(err, http.ErrSchemeMismatch):
		return x.plainServer(err)
	}
	return failed(err, "", x.certificateFix())
}

// wrongName is for a certificate with another name. Its fix accepts that name only on this
// machine, as at the end of a tunnel: elsewhere the server may be an attacker's.
func (x *exam) wrongName(err error, other x509.HostnameError) Finding {
	detail := fmt.Sprintf("the certificate is for %s, not for %s", namesOf(other.Certificate), other.Host)
	if x.local() {
		return failed(err, detail, ExpectName.fix(x.command("doctor", "--tls-server-name", firstName(other.Certificate))))
	}
	return failed(err, detail+": check VAULT_ADDR, and which server this is", x.certificateFix())
}

// plainServer is for a server that does not use TLS. Its fix uses plain HTTP only on this
// machine: elsewhere others could read the token.
func (x *exam) plainServer(err error) Finding {
	const detail = "the server does not speak HTTPS: the address says https://"
	if x.local() {
		return failed(err, detail, UseHTTP.fix(x.command("doctor", "--address", x.withScheme("http"))))
	}
	return failed(err, detail+"; check VAULT_ADDR and its port, or enable TLS on the server", x.healthFix())
}

// withScheme returns the address with another scheme.
func (x *exam) withScheme(scheme string) string {
	other := *x.url()
	other.Scheme = scheme
	return other.String()
}

// certificateFix prints the dates of the server's certificate.
func (x *exam) certificateFix() Fix {
	host := net.JoinHostPort(x.url().Hostname(), cmp.Or(x.url().Port(), "443"))
	return ReadCertificate.fix(fmt.Sprintf("openssl s_client -connect %s </dev/null | openssl x509 -noout -subject -issuer -dates", quote(host)))
}

func namesOf(cert *x509.Certificate) string {
	names := cert.DNSNames
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	return cmp.Or(strings.Join(names, ", "), "no name")
}

func firstName(cert *x509.Certificate) string {
	name, _, _ := strings.Cut(namesOf(cert), ",")
	return name
}

func issuerOf(cert *x509.Certificate) string {
	if cert == nil {
		return "an unknown CA"
	}
	return fmt.Sprintf("%q", cert.Issuer.String())
}

func date(t time.Time) string { return t.UTC().Format(time.RFC3339) }
