// Package names checks that names which were replaced do not come back. testdata/renames.txt
// lists them, each with the name in use. Only tests use it.
package names
