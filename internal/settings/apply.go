package settings

import (
	"cmp"

	"goblin/vaultkit/internal/vaulterr"
)

// Apply calls the options in their order. A nil option is an error.
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

// Read returns the settings that the options make. It returns them even with an error.
func Read[O ~func(*Settings)](opts []O) (*Settings, error) {
	s := New()
	applied := Apply(s, opts)
	invalid := s.Complete()
	return s, cmp.Or(applied, invalid)
}

// AllowMissingMount makes New skip the check of the mount, for vaultkit setup, which may make it.
func AllowMissingMount(s *Settings) { s.MountMayBeMissing = true }
