package acl

import (
	"errors"
	"fmt"

	"goblin/vaultkit/internal/memvault/logical"
)

// ErrUnsupported is the error for what Vault honours in a policy and this package does
// not. The text names it.
var ErrUnsupported = errors.New("not supported by the in-process Vault")

func unsupported(path, what string) error {
	return fmt.Errorf("path %q: %s is %w", path, what, ErrUnsupported)
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
