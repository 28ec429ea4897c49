package vaulterr_test

import (
	"errors"
	"fmt"

	"goblin/vaultkit/vaulterr"
)

// read fails as a client's GetAPIKey does when the token's policy does not allow it.
func read() error {
	return &vaulterr.Error{Op: "GetAPIKey", Provider: "openai-gpt4", Path: "secret/data/goblin-assistant/providers/openai-gpt4",
		Capability: "read", Kind: vaulterr.ErrPermissionDenied}
}

// The fields say what to tell an administrator.
func ExampleError() {
	err := read()
	if why, ok := errors.AsType[*vaulterr.Error](err); ok && errors.Is(err, vaulterr.ErrPermissionDenied) {
		fmt.Printf("the token needs %q on %s\n", why.Capability, why.Path)
	}
	// Output:
	// the token needs "read" on secret/data/goblin-assistant/providers/openai-gpt4
}
