package exitcode

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"goblin/vaultkit"
)

// replaceDeleted is the part of a hint that says how to replace a deleted secret.
const replaceDeleted = "restore a backup with vaultkit rollback --to ID --restore-deleted, " +
	"or store a new secret with vaultkit put --replace-deleted"

// hints replace the hints of the library's errors with commands and flags.
var hints = []struct {
	kind error
	text string
}{
	{vaultkit.ErrNotFound, "check the name: vaultkit list shows all providers, vaultkit put stores a first secret"},
	{vaultkit.ErrDestroyed, "its value is permanently deleted: " + replaceDeleted},
	{vaultkit.ErrDeleted, "undelete it with vault kv undelete, " + replaceDeleted},
	{vaultkit.ErrFieldMissing, "name another field with --field, or add this one with vaultkit rotate --add-field"},
	{vaultkit.ErrMountNotFound, "name the KV mount with --mount; vault secrets list shows them"},
	{vaultkit.ErrNotKVv2, "name a KV version 2 mount with --mount, or upgrade this one with vault kv enable-versioning"},
	{vaultkit.ErrPermissionDenied, "vaultkit policy prints what each role needs, and vaultkit doctor what this token lacks"},
	{vaultkit.ErrWrappingToken, ""}, // the error says what to do
	{vaultkit.ErrUnauthenticated, "check VAULT_TOKEN or the login's own variables and flags; vaultkit doctor checks each step"},
	{vaultkit.ErrUndetermined, "vaultkit recover finds out what happened"},
	{vaultkit.ErrSealed, "unseal it with vault operator unseal, then try again"},
	{vaultkit.ErrUnavailable, "check VAULT_ADDR or --address, and the server; vaultkit doctor checks each step"},
}

// Text returns the text of an error for the command line: without the program's name,
// which is printed before it, and without the function of the Go API, which the user
// did not call.
func Text(err error) string {
	//nolint:errorlint // what is around an error has words of its own
	switch known := err.(type) {
	case *vaultkit.Error:
		plain := *known
		plain.Op = ""
		if plain.Hint == "" {
			plain.Hint = hintFor(plain.Kind)
		}
		err = &plain
	case *hintedError:
		return Text(known.error)
	}
	return goNames.ReplaceAllStringFunc(strings.TrimPrefix(err.Error(), "vaultkit: "), func(name string) string { return flagNames[name] })
}

// flagNames maps names of the Go API in the library's errors to flags and commands.
var flagNames = map[string]string{
	"AllowRevoked": "--allow-revoked", "RestoreDeleted": "--restore-deleted", "ReplaceDeleted": "--replace-deleted", "AddFields": "--add-field",
	"IgnoreOtherProviders": "--ignore-other-providers",
	"WithExpiresAt":        "--expires-in", "RevokeOld": "vaultkit revoke-old", "PruneBackups": "vaultkit backups prune", "RotateAll": "rotate",
}

var goNames = regexp.MustCompile(`\b(` + strings.Join(slices.Sorted(maps.Keys(flagNames)), "|") + `)\b`)

// hintFor returns the hint for a kind of error; empty: the library's own hint is fine.
func hintFor(kind error) string {
	for _, hint := range hints {
		if errors.Is(kind, hint.kind) {
			return hint.text
		}
	}
	return ""
}
