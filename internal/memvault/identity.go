package memvault

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
)

// identity is what a server was initialised with.
type identity struct {
	clusterID   string
	clusterName string
	unsealKey   string
}

func newIdentity() identity {
	return identity{
		clusterID:   newUUID(),
		clusterName: "vault-cluster-" + randomHex(4),
		unsealKey:   base64.StdEncoding.EncodeToString(randomBytes(32)),
	}
}

// newUUID returns random bytes in the form of a UUID, as Vault does: without the bits
// that say which version it is.
func newUUID() string {
	text := hex.EncodeToString(randomBytes(16))
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

func randomHex(bytes int) string { return hex.EncodeToString(randomBytes(bytes)) }

func randomBytes(n int) []byte {
	out := make([]byte, n)
	_, _ = rand.Read(out) // never fails
	return out
}
