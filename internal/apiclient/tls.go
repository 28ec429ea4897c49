package apiclient

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"

	"goblin/vaultkit/internal/vaulterr"
)

// TLS says whom to trust and how to identify oneself. Of CAFile, CAPEM and CADir the first
// that is set counts; none: the system's CAs.
type TLS struct {
	CAFile     string
	CAPEM      string
	CADir      string
	CertFile   string
	KeyFile    string
	ServerName string
	SkipVerify bool
}

// config is what the settings say.
func (t TLS) config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.SkipVerify} //nolint:gosec // if that is asked for
	var err error
	if config.RootCAs, err = t.authorities(); err != nil {
		return nil, err
	}
	switch {
	case t.CertFile == "" && t.KeyFile == "":
		return config, nil
	case t.CertFile == "" || t.KeyFile == "":
		return nil, vaulterr.Invalid("TLS settings: a client certificate and its key go together, and one of them is missing")
	}
	certificate, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, vaulterr.Invalid("TLS settings: the client certificate %q with the key %q: %v", t.CertFile, t.KeyFile, err)
	}
	// Whatever authorities the server says it knows: a certificate for Vault's cert auth
	// method need not be signed by one of them.
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
	return config, nil
}

// authorities are the CAs to trust; nil: the system's.
func (t TLS) authorities() (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	switch {
	case t.CAFile != "":
		text, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, vaulterr.Invalid("TLS settings: the CA file: %v", err)
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

// authoritiesIn are the CAs in the regular files of a directory, and in those that its
// links lead to: a Kubernetes volume has links, and directories that they lead through.
// What holds no certificate is passed over, a README for instance.
func authoritiesInDir(dir string) (*x509.CertPool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, vaulterr.Invalid("TLS settings: the CA directory: %v", err)
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
