package vaulterr_test

import (
	"context"
	"errors"
	"fmt"

	"goblin/vaultkit"
	"goblin/vaultkit/vaulterr"
)

// The sentinel says what kind of error it is, and the fields say what failed.
func ExampleError() {
	_, err := vaultkit.New(context.Background(), vaultkit.WithAddress("vault.example.com:8200"),
		vaultkit.WithToken(vaultkit.FromEnv("VAULT_TOKEN")))
	var failed *vaulterr.Error
	if errors.Is(err, vaulterr.ErrInvalid) && errors.As(err, &failed) {
		fmt.Println(failed.Op, "failed:", failed.Detail)
	}
	// Output: New failed: the address is not a URL like https://vault.example.com:8200
}
