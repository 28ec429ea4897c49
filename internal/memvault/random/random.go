// Package random makes the ids and tokens of the in-process Vault.
package random

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// UUID returns random bytes in the form of a UUID, as Vault does: without the bits that
// say which version it is.
func UUID() string {
	digits := Hex(16)
	return strings.Join([]string{digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]}, "-")
}

// Hex returns random bytes in hexadecimal digits.
func Hex(bytes int) string { return hex.EncodeToString(Bytes(bytes)) }

// Bytes returns random bytes.
func Bytes(n int) []byte {
	bytes := make([]byte, n)
	_, _ = rand.Read(bytes) // it never fails
	return bytes
}

// Text returns letters and digits.
func Text(length int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	text := make([]byte, 0, length)
	for len(text) < length {
		if n := int(Bytes(1)[0]) % 64; n < len(alphabet) {
			text = append(text, alphabet[n])
		}
	}
	return string(text)
}
