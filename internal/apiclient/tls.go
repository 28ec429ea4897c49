package apiclient

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"

	"goblin/vaultkit/internal/vaulterr"
)

// TLS holds the certificate settings. The first of CAFile, CAPEM and CADir that is set is
// used. The default is the system's CAs.
type TLS struct {
	CAFile     string
	CAPEM      string
	CADir      string
	CertFile   string
	KeyFile    string
	ServerName string
	SkipVerify bool
}

// config returns the standard library's form of the settings.
func (t TLS) config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.SkipVerify} //nolint:gosec // only if the user sets it
	var err error
	if config.RootCAs, err = t.authorities(); err != nil {
		return nil, err
	}
	switch {
	case t.CertFile == "" && t.KeyFile == "":
		return config, nil
	case t.CertFile == "" || t.KeyFile == "":
		return nil, vaulterr.Invalid("TLS settings: set both the client certificate and its key; one of them is missing")
	}
	certificate, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, vaulterr.Invalid("TLS settings: cannot use the client certificate %q with the key %q: %v", t.CertFile, t.KeyFile, err)
	}
	// The certificate is sent even if none of the server's listed CAs signed it. Vault's
	// cert auth method does not require that.
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
	return config, nil
}

// authorities returns the trusted CAs, or nil for the system's.
func (t TLS) authorities() (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	switch {
	case t.CAFile != "":
		text, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, vaulterr.Invalid("TLS settings: cannot read the CA file: %v", err)
		}
		if !pool.AppendCertsFromPEM(text) {
			return nil, vaulterr.Invalid("TLS settings: no PEM certificate in the CA file %q", t.CAFile)
		}
	case t.CAPEM != "":
		if !pool.AppendCertsFromPEM([]byte(t.CAPEM)) {
			return nil, vaulterr.Invalid("TLS settings: no PEM certificate in the CA given as text (VAULT_CACERT_BYTES)")
		}
	case t.CADir != "":
		return authoritiesInDir(t.CADir)
	default:
		return nil, nil
	}
	return pool, nil
}

// authoritiesInDir returns the CAs in the directory's regular files. It follows links,
// because a Kubernetes volume consists of links. Files without a certificate, such as a
// README, are ignored.
func authoritiesInDir(dir string) (*x509.CertPool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, vaulterr.Invalid("TLS settings: cannot read the CA directory: %v", err)
	}
	pool, found := x509.NewCertPool(), false
	for _, entry := range entries {
		name := filepath.Join(dir, entry.Name())
		if about, err := os.Stat(name); err != nil || !about.Mode().IsRegular() {
			continue
		}
		text, err := os.ReadFile(name)
		if err == nil && pool.AppendCertsFromPEM(text) {
			found = true
		}
	}
	if !found {
		return nil, vaulterr.Invalid("TLS settings: no PEM certificate in the files of the CA directory %q", dir)
	}
	return pool, nil
}
