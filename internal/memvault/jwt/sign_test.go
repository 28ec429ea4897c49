package jwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
)

// signer makes JWTs with one key.
type signer struct {
	t   testing.TB
	key crypto.Signer
}

func newSigner(t testing.TB, kind string) signer {
	t.Helper()
	var key crypto.Signer
	var err error
	switch kind {
	case "ES256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "EdDSA":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	return signer{t, key}
}

// public returns the public key as PEM.
func (s signer) public() string {
	s.t.Helper()
	der, err := x509.MarshalPKIXPublicKey(s.key.Public())
	if err != nil {
		s.t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func (s signer) sign(algorithm string, claims map[string]any) string {
	s.t.Helper()
	signed := part(map[string]any{"alg": algorithm, "typ": "JWT"}) + "." + part(claims)
	return signed + "." + base64.RawURLEncoding.EncodeToString(s.signature(algorithm, []byte(signed)))
}

func (s signer) signature(algorithm string, text []byte) []byte {
	s.t.Helper()
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[strings.TrimLeft(algorithm, "RSPE")]
	sum := text
	if hash != 0 {
		hasher := hash.New()
		hasher.Write(text)
		sum = hasher.Sum(nil)
	}
	if key, ok := s.key.(*ecdsa.PrivateKey); ok {
		return signECDSA(s.t, key, sum)
	}
	var options crypto.SignerOpts = hash
	if algorithm[0] == 'P' {
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	}
	signature, err := s.key.Sign(rand.Reader, sum, options)
	if err != nil {
		s.t.Fatal(err)
	}
	return signature
}

func signECDSA(t testing.TB, key *ecdsa.PrivateKey, sum []byte) []byte {
	t.Helper()
	r, s, err := ecdsa.Sign(rand.Reader, key, sum)
	if err != nil {
		t.Fatal(err)
	}
	size := (key.Curve.Params().BitSize + 7) / 8
	signature := make([]byte, 2*size)
	r.FillBytes(signature[:size])
	s.FillBytes(signature[size:])
	return signature
}

func part(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain values
	}
	return base64.RawURLEncoding.EncodeToString(text)
}
