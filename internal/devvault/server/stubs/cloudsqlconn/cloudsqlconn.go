// Package cloudsqlconn stands in for the way to Google's Cloud SQL, which Vault's SDK
// imports for plugins of databases. This server has none.
package cloudsqlconn

import "goblin/stub"

// Option is an option of a driver that RegisterDriver refuses.
type Option struct{}

// DialOption is an option of a connection.
type DialOption struct{}

// WithIAMAuthN does nothing: it is an option.
func WithIAMAuthN() Option { return Option{} }

// WithCredentialsJSON does nothing: it is an option.
func WithCredentialsJSON([]byte) Option { return Option{} }

// WithDefaultDialOptions does nothing: it is an option.
func WithDefaultDialOptions(...DialOption) Option { return Option{} }

// WithPrivateIP does nothing: it is an option.
func WithPrivateIP() DialOption { return DialOption{} }

// WithPSC does nothing: it is an option.
func WithPSC() DialOption { return DialOption{} }

// RegisterDriver refuses to register a driver. The two packages in the subdirectories
// call it.
func RegisterDriver(string, ...Option) (func() error, error) { return nil, stub.Called("Cloud SQL") }
