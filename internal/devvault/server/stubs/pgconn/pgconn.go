// Package pgconn stands in for the low-level part of a PostgreSQL client, which Vault's
// SDK imports for plugins of databases. This server has none.
package pgconn

import (
	"crypto/tls"

	"goblin/stub"
)

// ParseConfigOptions are options of a configuration that pgx refuses to parse.
type ParseConfigOptions struct{ GetSSLPassword func(any) string }

// FallbackConfig is one more host of a configuration.
type FallbackConfig struct {
	Host      string
	Port      uint16
	TLSConfig *tls.Config
}

// NetworkAddress is never reached: it comes after pgx's ParseConfig.
func NetworkAddress(string, uint16) (network, address string) {
	return "", stub.Called("PostgreSQL").Error()
}
