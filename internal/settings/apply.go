package settings

import "goblin/vaultkit/internal/vaulterr"

// Apply runs options in their order. A nil option is an error.
func Apply[T any, O ~func(*T)](target *T, opts []O) error {
	for _, opt := range opts {
		if opt == nil {
			return ErrNilOption()
		}
		opt(target)
	}
	return nil
}

// ErrNilOption returns the error of a nil option.
func ErrNilOption() error { return vaulterr.Invalid("an option is nil") }
