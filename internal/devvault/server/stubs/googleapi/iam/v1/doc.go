// Package iam stands in for a package that tests of Vault's own import. It is empty:
// `go mod tidy` asks for it, and no build does.
package iam
