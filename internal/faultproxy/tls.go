package faultproxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// Identity holds what a client of a TLS proxy needs, each in PEM. The certificate
// authority exists only in memory.
type Identity struct {
	CA         []byte // the certificate authority's certificate
	ClientCert []byte // signed by the certificate authority
	ClientKey  []byte
}

// NewTLS is New with HTTPS for clients; the connection to the target stays HTTP. The
// server's certificate is valid for the given hosts, by default 127.0.0.1 and vault.test.
// With needClientCert, clients need a certificate of the Identity's authority. Other
// clients fail in the handshake and are not counted.
func NewTLS(target string, needClientCert bool, hosts ...string) (*Proxy, *Identity, error) {
	if len(hosts) == 0 {
		hosts = []string{"127.0.0.1", "vault.test"}
	}
	config, identity, err := credentials(hosts)
	if err != nil {
		return nil, nil, fmt.Errorf("faultproxy: %w", err)
	}
	if needClientCert {
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	p, err := start(target, config)
	if err != nil {
		return nil, nil, err
	}
	return p, identity, nil
}

// credentials creates a certificate authority, a server's configuration and a client's
// identity.
func credentials(hosts []string) (*tls.Config, *Identity, error) {
	ca, err := issue(&x509.Certificate{
		Subject:               pkix.Name{CommonName: "fault proxy test authority"},
		KeyUsage:              x509.KeyUsageCertSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}, nil)
	if err != nil {
		return nil, nil, err
	}
	server, err := issue(serverTemplate(hosts), ca)
	if err != nil {
		return nil, nil, err
	}
	client, err := issue(&x509.Certificate{
		Subject:     pkix.Name{CommonName: "fault proxy test client"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, ca)
	if err != nil {
		return nil, nil, err
	}
	clientKey, err := client.keyPEM()
	if err != nil {
		return nil, nil, err
	}
	config := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"},
		Certificates: []tls.Certificate{{Certificate: [][]byte{server.cert.Raw}, PrivateKey: server.key}},
		ClientCAs:    x509.NewCertPool(),
	}
	config.ClientCAs.AddCert(ca.cert)
	return config, &Identity{CA: ca.certPEM(), ClientCert: client.certPEM(), ClientKey: clientKey}, nil
}

func serverTemplate(hosts []string) *x509.Certificate {
	t := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "fault proxy test server"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, host)
		}
	}
	return t
}

// keyPair is a certificate and its key.
type keyPair struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue creates a key and a certificate, signed by the authority or, if by is nil, by
// itself.
func issue(template *x509.Certificate, by *keyPair) (*keyPair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		return nil, err
	}
	template.KeyUsage |= x509.KeyUsageDigitalSignature
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(24 * time.Hour)
	parent := &keyPair{template, key}
	if by != nil {
		parent = by
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, &key.PublicKey, parent.key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &keyPair{cert, key}, nil
}

func (p *keyPair) certPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw})
}

func (p *keyPair) keyPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
