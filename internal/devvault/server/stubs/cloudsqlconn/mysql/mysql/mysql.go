// Package mysql stands in for Cloud SQL's driver of MySQL. This server has no databases.
package mysql

import "cloud.google.com/go/cloudsqlconn"

// RegisterDriver refuses to register a driver.
func RegisterDriver(name string, options ...cloudsqlconn.Option) (func() error, error) {
	return cloudsqlconn.RegisterDriver(name, options...)
}
