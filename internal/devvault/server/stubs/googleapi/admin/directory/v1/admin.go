// Package admin stands in for Google Workspace's directory, where the JWT auth method
// can look up the groups of a user. The tests' issuers put groups into their tokens.
package admin

import (
	"context"

	"google.golang.org/api/option"

	"goblin/stub"
)

const workspace = "Google Workspace's directory"

// The rights that the real one asks for.
const (
	AdminDirectoryGroupReadonlyScope = "group"
	AdminDirectoryUserReadonlyScope  = "user"
)

// NewService is the first function that the auth method calls for the directory. It
// fails.
func NewService(context.Context, ...option.ClientOption) (*Service, error) {
	return nil, stub.Called(workspace)
}

// The rest is there for the auth method to compile. Without a service it is not called.
type (
	Service struct {
		Groups groups
		Users  users
	}
	groups    struct{}
	users     struct{}
	groupList struct{}
	userQuery struct{}
	Group     struct{ Email string }
	Groups    struct{ Groups []*Group }
	User      struct{ CustomSchemas map[string][]byte }
)

func (groups) List() groupList {
	_ = stub.Called(workspace)
	return groupList{}
}

func (users) Get(string) userQuery {
	_ = stub.Called(workspace)
	return userQuery{}
}

func (groupList) Pages(context.Context, func(*Groups) error) error { return stub.Called(workspace) }
func (userQuery) Do() (*User, error)                               { return nil, stub.Called(workspace) }

// UserKey does nothing: it is an option, as are those below.
func (l groupList) UserKey(string) groupList          { return l }
func (l groupList) Domain(string) groupList           { return l }
func (l groupList) Fields(...string) groupList        { return l }
func (q userQuery) Context(context.Context) userQuery { return q }
func (q userQuery) Projection(string) userQuery       { return q }
func (q userQuery) CustomFieldMask(string) userQuery  { return q }
func (q userQuery) Fields(...string) userQuery        { return q }
