// Package stdlib stands in for PostgreSQL behind database/sql. This server has no
// databases.
package stdlib

import (
	"database/sql"

	"github.com/jackc/pgx/v4"

	"goblin/stub"
)

// RegisterConnConfig is never reached: it comes after pgx's ParseConfig. What it
// returns names no database.
func RegisterConnConfig(*pgx.ConnConfig) string { return stub.Called("PostgreSQL").Error() }

// OpenDB opens nothing: Vault's PostgreSQL storage, which is not in this server,
// would call it.
func OpenDB(pgx.ConnConfig) *sql.DB {
	_ = stub.Called("PostgreSQL")
	return nil
}
