// Package impersonate stands in for Google's service accounts, which the JWT auth
// method uses to ask Google Workspace.
package impersonate

import (
	"context"

	"golang.org/x/oauth2"

	"goblin/stub"
)

// CredentialsConfig says which account to use.
type CredentialsConfig struct {
	TargetPrincipal, Subject string
	Scopes                   []string
}

// CredentialsTokenSource refuses to ask for tokens.
func CredentialsTokenSource(context.Context, CredentialsConfig) (oauth2.TokenSource, error) {
	return nil, stub.Called("Google's service accounts")
}
