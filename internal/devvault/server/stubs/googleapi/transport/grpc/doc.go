// Package grpc stands in for a package that Vault's own tests import. It is empty: only
// `go mod tidy` needs it.
package grpc
