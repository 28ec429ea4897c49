package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/armon/go-metrics"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/command/server"
	"github.com/hashicorp/vault/helper/metricsutil"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/physical/raft"
	"github.com/hashicorp/vault/sdk/helper/logging"
	"github.com/hashicorp/vault/sdk/physical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

// storages are the storage stanzas we serve.
var storages = map[string]physical.Factory{
	"inmem": inmem.NewInmem,
	"raft":  raft.NewRaftBackend,
}

// loadConfig reads a configuration file with Vault's own parser, which ignores
// the settings we make no use of, and refuses what we could not honour.
func loadConfig(file string) (*server.Config, error) {
	if file == "" {
		return nil, errors.New("-config=FILE is missing")
	}
	config, err := server.LoadConfigFile(file)
	if err != nil {
		return nil, fmt.Errorf("configuration %s: %w", file, err)
	}
	if config.Storage == nil {
		return nil, fmt.Errorf("configuration %s: a storage stanza is required", file)
	}
	if storages[config.Storage.Type] == nil {
		return nil, fmt.Errorf("configuration %s: unknown storage %q: want inmem or raft", file, config.Storage.Type)
	}
	if len(config.Listeners) != 1 || config.Listeners[0].Type != "tcp" || !config.Listeners[0].TLSDisable {
		return nil, fmt.Errorf("configuration %s: want exactly one tcp listener with tls_disable", file)
	}
	return config, nil
}

// node is one Vault node: a core and the listener of its HTTP API.
type node struct {
	core     *vault.Core
	listener net.Listener
}

// newNode starts a node, which is sealed, and uninitialised if its storage is
// new: exactly what `vault server -config` does.
func newNode(config *server.Config) (*node, error) {
	level := hclog.LevelFromString(config.LogLevel)
	if level == hclog.NoLevel {
		level = hclog.Info
	}
	logger := logging.NewVaultLoggerWithWriter(os.Stderr, level)

	// The listener comes first: a port in use must be reported before the
	// storage is touched.
	lc := config.Listeners[0]
	listener, err := net.Listen("tcp", lc.Address)
	if err != nil {
		return nil, err
	}
	core, err := newCore(config, logger)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	clusterAddr, err := clusterListenerAddr(lc, listener)
	if err != nil {
		return nil, errors.Join(err, core.Shutdown(), listener.Close())
	}
	core.SetClusterListenerAddrs([]*net.TCPAddr{clusterAddr})
	// Forwarded requests were limited by the node that accepted them.
	core.SetClusterHandler(vaulthttp.Handler.Handler(&vault.HandlerProperties{
		Core:           core,
		ListenerConfig: &configutil.Listener{DisableJSONLimitParsing: true},
	}))
	if config.Storage.Type == "raft" {
		// Does nothing for a single node; a cluster lists retry_join.
		if err := core.InitiateRetryJoin(context.Background()); err != nil {
			return nil, errors.Join(err, core.Shutdown(), listener.Close())
		}
	}
	api := newHTTPServer(core, lc, logger)
	go func() { _ = api.Serve(listener) }() // until close closes the listener
	return &node{core: core, listener: listener}, nil
}

// newCore opens the storage and builds the core on it.
func newCore(config *server.Config, logger hclog.Logger) (*vault.Core, error) {
	storage, err := storages[config.Storage.Type](config.Storage.Config, logger.Named("storage."+config.Storage.Type))
	if err != nil {
		return nil, fmt.Errorf("storage %s: %w", config.Storage.Type, err)
	}
	coreConfig := &vault.CoreConfig{
		RawConfig:          config,
		Physical:           storage,
		StorageType:        config.Storage.Type,
		RedirectAddr:       config.Storage.RedirectAddr,
		LogicalBackends:    logicalBackends,
		CredentialBackends: credentialBackends,
		AuditBackends:      auditBackends,
		BuiltinRegistry:    registry{},
		Logger:             logger,
		LogLevel:           config.LogLevel,
		DisableMlock:       config.DisableMlock,
		DefaultLeaseTTL:    config.DefaultLeaseTTL,
		MaxLeaseTTL:        config.MaxLeaseTTL,
		ClusterName:        config.ClusterName,
		EnableRaw:          config.EnableRawEndpoint,
		MetricsHelper:      metricsutil.NewMetricsHelper(metrics.NewInmemSink(10*time.Second, time.Minute), false), // sys/metrics panics without
	}
	if ha, ok := storage.(physical.HABackend); ok && ha.HAEnabled() {
		coreConfig.HAPhysical = ha
		coreConfig.ClusterAddr = config.Storage.ClusterAddr
	}
	core, err := vault.NewCore(coreConfig)
	if err != nil && !vault.IsFatalError(err) {
		logger.Warn("the core was built with a non-fatal error", "error", err)
		err = nil
	}
	return core, err
}

// clusterListenerAddr is where the node talks to its peers: the port after the
// API's, as in Vault, unless the listener says otherwise.
func clusterListenerAddr(lc *configutil.Listener, listener net.Listener) (*net.TCPAddr, error) {
	if lc.ClusterAddress != "" {
		return net.ResolveTCPAddr("tcp", lc.ClusterAddress)
	}
	api := listener.Addr().(*net.TCPAddr)
	return &net.TCPAddr{IP: api.IP, Port: api.Port + 1}, nil
}

// newHTTPServer serves Vault's API with the limits and timeouts that `vault
// server` applies when its configuration sets none. The limits matter: they
// decide which values a real server refuses.
func newHTTPServer(core *vault.Core, lc *configutil.Listener, logger hclog.Logger) *http.Server {
	setDefault(&lc.MaxRequestSize, vaulthttp.DefaultMaxRequestSize)
	setDefault(&lc.MaxRequestDuration, vault.DefaultMaxRequestDuration)
	setDefault(&lc.CustomMaxJSONDepth, vaulthttp.CustomMaxJSONDepth)
	setDefault(&lc.CustomMaxJSONStringValueLength, vaulthttp.CustomMaxJSONStringValueLength)
	setDefault(&lc.CustomMaxJSONObjectEntryCount, vaulthttp.CustomMaxJSONObjectEntryCount)
	setDefault(&lc.CustomMaxJSONArrayElementCount, vaulthttp.CustomMaxJSONArrayElementCount)
	return &http.Server{
		Handler: vaulthttp.Handler.Handler(&vault.HandlerProperties{
			Core:           core,
			ListenerConfig: lc,
		}),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       5 * time.Minute,
		ErrorLog:          logger.StandardLogger(nil),
	}
}

func setDefault[T int64 | time.Duration](value *T, preset T) {
	if *value == 0 {
		*value = preset
	}
}

// close stops accepting requests, seals the core and closes its storage.
func (n *node) close() error {
	return errors.Join(n.listener.Close(), n.core.Shutdown())
}
