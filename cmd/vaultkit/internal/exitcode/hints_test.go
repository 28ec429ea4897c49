package exitcode

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"goblin/vaultkit"
)

func TestText_SpeaksOfCommandsAndFlags(t *testing.T) {
	t.Parallel()
	sealed := vaultkit.Error{Op: "Rotate", Provider: "p", Kind: vaultkit.ErrSealed}
	hinted := sealed
	hinted.Hint = "a hint of its own"
	for want, err := range map[string]error{
		"; unseal it with vault operator unseal, then try again": &sealed,
		"; a hint of its own":                              &hinted,
		"give --allow-revoked, or run vaultkit revoke-old": errors.New("vaultkit: give AllowRevoked, or run RevokeOld"),
		"or add --ignore-other-providers":                  errors.New("vaultkit: or add IgnoreOtherProviders"),
		"plain":                                            WithHint(errors.New("plain"), "a hint is printed below"),
	} {
		got := Text(err)
		if !strings.HasSuffix(got, want) || strings.Contains(got, "vaultkit:") || strings.Contains(got, "Rotate") {
			t.Errorf("Text(%v) = %q, want %q at its end, and neither the program nor the function", err, got, want)
		}
	}
}

func TestHint_IsFoundInsideOtherErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	err := fmt.Errorf("outer: %w", WithHint(cause, "try this"))
	if got, ok := Hint(err); got != "try this" || !ok || !errors.Is(err, cause) {
		t.Errorf("Hint(%v) = %q, %t, want the hint; errors.Is finds the cause: %t", err, got, ok, errors.Is(err, cause))
	}
	if got, ok := Hint(cause); got != "" || ok {
		t.Errorf("Hint(%v) = %q, %t, want none", cause, got, ok)
	}
}
