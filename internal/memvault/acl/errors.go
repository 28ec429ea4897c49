package acl

import (
	"errors"
	"fmt"

	"goblin/vaultkit/internal/memvault/logical"
)

// ErrUnsupported is the error for what Vault honours in a policy and this package does
// not. The text goes on with its name.
var ErrUnsupported = errors.New("memvault does not support")

func unsupported(path, what string) error {
	return fmt.Errorf("path %q: %w %s; test this on a real Vault server", path, ErrUnsupported, what)
}

// listError is printed as Vault prints a list of errors.
type listError []string

func (l listError) Error() string { return logical.Listed(l...) }

// prefixed puts the path before an error, or before each of a list.
func prefixed(path string, err error) error {
	prefix := fmt.Sprintf("path %q: ", path)
	list, ok := err.(listError) //nolint:errorlint // checkKeys returns it as it is
	if !ok {
		return fmt.Errorf("%s%w", prefix, err)
	}
	each := make(listError, len(list))
	for i, text := range list {
		each[i] = prefix + text
	}
	return each
}
