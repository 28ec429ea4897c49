package kubernetes_test

import (
	"testing"

	"goblin/vaultkit/internal/vaulttest"
)

var cluster *vaulttest.Cluster

func TestMain(m *testing.M) {
	vaulttest.MainWith(m, func(vaulttest.Vault) { cluster = vaulttest.NewCluster() }, func() error {
		cluster.Close()
		return nil
	})
}
