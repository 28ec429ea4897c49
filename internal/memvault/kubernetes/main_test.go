package kubernetes_test

import (
	"testing"

	"goblin/vaultkit/internal/devvault"
	"goblin/vaultkit/internal/vaulttest"
)

var cluster *vaulttest.Cluster

func TestMain(m *testing.M) {
	vaulttest.MainWith(m, func(*devvault.Server) { cluster = vaulttest.NewCluster() }, func() error {
		cluster.Close()
		return nil
	})
}
