package token_test

import (
	"fmt"
	"testing"

	"goblin/vaultkit/internal/memvault"
	"goblin/vaultkit/internal/memvault/authtest"
	"goblin/vaultkit/internal/memvault/token"
)

var fixedPolicies = map[string]string{
	"admin": `path "*" { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }`,
	"maker": `path "auth/token/*" { capabilities = ["create", "read", "update", "list"] }
path "sys/capabilities*" { capabilities = ["update"] }`,
	"plain": `path "secret/data/x" { capabilities = ["read"] }`,
}

func newWorld(t testing.TB, quirk token.Quirk) *authtest.World {
	t.Helper()
	w := authtest.NewWorldWith(t, memvault.Options{TokenQuirk: quirk})
	for name, text := range fixedPolicies {
		w.Compare(call(0, "PUT", "sys/policies/acl/"+name, fields{"policy": text}))
	}
	return w
}

// call returns a request of a numbered token.
func call(by int, method, path string, f fields) authtest.Call {
	c := authtest.Call{Token: fmt.Sprint("token ", by), Method: method, Path: path}
	if f != nil {
		c.Body = f
	}
	return c
}
