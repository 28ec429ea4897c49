package envformat

import (
	"errors"

	"goblin/vaultkit/internal/vaulterr"
)

// AsError returns a refusal as an ErrInvalid. Any other error comes from the file system.
func AsError(err error) error {
	if why, ok := errors.AsType[*Refusal](err); ok {
		return &vaulterr.Error{Kind: vaulterr.ErrInvalid, Provider: why.Provider, Field: why.Field, Detail: why.Detail, Hint: why.Hint}
	}
	return &vaulterr.Error{Detail: "the file cannot be written", Err: err}
}
