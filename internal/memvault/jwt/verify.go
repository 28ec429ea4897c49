package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes of the algorithms
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
)

// hashes are those of the algorithms that Vault accepts, but for EdDSA, which has none.
var hashes = map[string]crypto.Hash{
	"RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512,
	"PS256": crypto.SHA256, "PS384": crypto.SHA384, "PS512": crypto.SHA512,
	"ES256": crypto.SHA256, "ES384": crypto.SHA384, "ES512": crypto.SHA512,
}

const edDSA = "EdDSA"

func supported(algorithm string) bool {
	_, known := hashes[algorithm]
	return known || algorithm == edDSA
}

// verifiedBy reports whether a public key made the signature.
func (t *Token) verifiedBy(key crypto.PublicKey) bool {
	if t.Algorithm == edDSA {
		public, ok := key.(ed25519.PublicKey)
		return ok && ed25519.Verify(public, []byte(t.signed), t.signature)
	}
	hash, known := hashes[t.Algorithm]
	if !known {
		return false
	}
	hasher := hash.New()
	hasher.Write([]byte(t.signed))
	sum := hasher.Sum(nil)
	switch public := key.(type) {
	case *ecdsa.PublicKey:
		return t.Algorithm[0] == 'E' && verifyECDSA(public, sum, t.signature)
	case *rsa.PublicKey:
		if t.Algorithm[0] == 'P' {
			return rsa.VerifyPSS(public, hash, sum, t.signature, nil) == nil
		}
		return t.Algorithm[0] == 'R' && rsa.VerifyPKCS1v15(public, hash, sum, t.signature) == nil
	}
	return false
}

// verifyECDSA reads the signature as two numbers of equal length.
func verifyECDSA(public *ecdsa.PublicKey, sum, signature []byte) bool {
	size := (public.Curve.Params().BitSize + 7) / 8
	if len(signature) != 2*size {
		return false
	}
	r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	return ecdsa.Verify(public, sum, r, s)
}

var errNoKey = errors.New("data does not contain any valid public keys")

// parseKey reads a public key, or that of a certificate.
func parseKey(text string) (crypto.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errNoKey
	}
	if key, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
		return key, nil
	}
	if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
		return certificate.PublicKey, nil
	}
	if key, err := x509.ParsePKCS1PublicKey(block.Bytes); err == nil {
		return key, nil
	}
	return nil, errNoKey
}
