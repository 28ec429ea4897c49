// Package jwt is the JWT auth method of the in-process Vault, for keys that its
// configuration holds. It verifies signatures with the standard library.
package jwt

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Token is a JWT in the compact form.
type Token struct {
	Algorithm string
	Claims    map[string]any // numbers are float64

	signed    string // what the signature is about
	signature []byte
}

// Parse decodes a JWT without verifying it. No error repeats a part of it.
func Parse(text string) (*Token, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, errors.New("go-jose/go-jose: compact JWS format must have three parts")
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	t := &Token{signed: parts[0] + "." + parts[1]}
	var err error
	if t.signature, err = base64.RawURLEncoding.DecodeString(parts[2]); err != nil {
		return nil, errMalformed
	}
	if decodePart(parts[0], &header) != nil || decodePart(parts[1], &t.Claims) != nil {
		return nil, errMalformed
	}
	t.Algorithm = header.Algorithm
	return t, nil
}

var errMalformed = errors.New("malformed jwt")

func decodePart(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// text returns a claim that is a string.
func (t *Token) text(name string) string {
	text, _ := t.Claims[name].(string)
	return text
}

// checkTexts refuses a claim that must be a string and is not.
func (t *Token) checkTexts() error {
	for _, name := range []string{"iss", "sub", "jti"} {
		kind := "object"
		switch t.Claims[name].(type) {
		case nil, string:
			continue
		case float64:
			kind = "number"
		case bool:
			kind = "bool"
		case []any:
			kind = "array"
		}
		return fmt.Errorf("json: cannot unmarshal %s into Go struct field Claims.%s of type string", kind, name)
	}
	return nil
}

// seconds returns a claim that is a time.
func (t *Token) seconds(name string) int64 {
	number, _ := t.Claims[name].(float64)
	return int64(number)
}

// Audience returns the claim aud, which may be a string or a list.
func (t *Token) Audience() []string {
	switch aud := t.Claims["aud"].(type) {
	case string:
		return []string{aud}
	case []any:
		var all []string
		for _, one := range aud {
			if text, ok := one.(string); ok {
				all = append(all, text)
			}
		}
		return all
	}
	return nil
}
