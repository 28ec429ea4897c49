// Package pgx stands in for a PostgreSQL client, which Vault's SDK imports for plugins
// of databases. This server has none.
package pgx

import (
	"crypto/tls"

	"github.com/jackc/pgconn"

	"goblin/stub"
)

// ConnConfig is never made.
type ConnConfig struct {
	Host      string
	Port      uint16
	TLSConfig *tls.Config
	Fallbacks []*pgconn.FallbackConfig
}

// ParseConfig is the first function that the SDK calls for PostgreSQL. It fails.
func ParseConfig(string) (*ConnConfig, error) { return nil, stub.Called("PostgreSQL") }
