// Package pgxv4 stands in for Cloud SQL's driver of PostgreSQL. This server has no databases.
package pgxv4

import "cloud.google.com/go/cloudsqlconn"

// RegisterDriver refuses to register a driver.
func RegisterDriver(name string, options ...cloudsqlconn.Option) (func() error, error) {
	return cloudsqlconn.RegisterDriver(name, options...)
}
