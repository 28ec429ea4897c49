package vaulttest

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
)

// Signer signs JWTs with one key.
type Signer struct {
	Algorithm string // default of Sign, such as "ES256"
	KeyID     string // header kid; empty: none

	key crypto.Signer
}

// NewSigner returns a signer with a new key for an algorithm of JWTs (RFC 7518, section 3.1).
func NewSigner(algorithm string) Signer {
	var key crypto.Signer
	var err error
	switch algorithm {
	case "ES256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "EdDSA":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	Must(err)
	return Signer{Algorithm: algorithm, key: key}
}

// PublicKey returns the public key as PEM.
func (s Signer) PublicKey() string {
	der, err := x509.MarshalPKIXPublicKey(s.key.Public())
	Must(err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// Sign returns a JWT of the claims.
func (s Signer) Sign(claims map[string]any) string {
	header := map[string]any{"alg": s.Algorithm, "typ": "JWT"}
	if s.KeyID != "" {
		header["kid"] = s.KeyID
	}
	signed := encodePart(header) + "." + encodePart(claims)
	return signed + "." + base64.RawURLEncoding.EncodeToString(s.signature([]byte(signed)))
}

// With returns a signer with the same key and another algorithm.
func (s Signer) With(algorithm string) Signer {
	s.Algorithm = algorithm
	return s
}

// jwk returns the public key of an ES256 signer for a JWKS (RFC 7517).
func (s Signer) jwk() map[string]any {
	point, err := s.key.Public().(*ecdsa.PublicKey).Bytes()
	Must(err)
	x, y := point[1:33], point[33:]
	return map[string]any{
		"kty": "EC", "crv": "P-256", "use": "sig", "alg": s.Algorithm, "kid": s.KeyID,
		"x": base64.RawURLEncoding.EncodeToString(x), "y": base64.RawURLEncoding.EncodeToString(y),
	}
}

func (s Signer) signature(text []byte) []byte {
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[strings.TrimLeft(s.Algorithm, "RSPE")]
	sum := text
	if hash != 0 {
		hasher := hash.New()
		hasher.Write(text)
		sum = hasher.Sum(nil)
	}
	if key, ok := s.key.(*ecdsa.PrivateKey); ok {
		return signECDSA(key, sum)
	}
	var options crypto.SignerOpts = hash
	if s.Algorithm[0] == 'P' {
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	}
	signature, err := s.key.Sign(rand.Reader, sum, options)
	Must(err)
	return signature
}

func signECDSA(key *ecdsa.PrivateKey, sum []byte) []byte {
	r, s, err := ecdsa.Sign(rand.Reader, key, sum)
	Must(err)
	size := (key.Curve.Params().BitSize + 7) / 8
	signature := make([]byte, 2*size)
	r.FillBytes(signature[:size])
	s.FillBytes(signature[size:])
	return signature
}

func encodePart(v any) string {
	text, err := json.Marshal(v)
	Must(err)
	return base64.RawURLEncoding.EncodeToString(text)
}
