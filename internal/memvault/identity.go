package memvault

import (
	"encoding/base64"

	"goblin/vaultkit/internal/memvault/random"
)

// identity is what a server was initialised with.
type identity struct {
	clusterID   string
	clusterName string
	unsealKey   string
}

func newIdentity() identity {
	return identity{
		clusterID:   random.UUID(),
		clusterName: "vault-cluster-" + random.Hex(4),
		unsealKey:   base64.StdEncoding.EncodeToString(random.Bytes(32)),
	}
}
