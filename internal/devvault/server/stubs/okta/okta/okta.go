// Package okta stands in for Okta's SDK, 12 MB of source that Vault's core imports
// for one of its second factors at a login. The tests use no second factor.
package okta

import (
	"context"
	"net/http"

	"goblin/stub"
)

const factor = "Okta as a second factor"

// Configuration is never made.
type Configuration struct{ Context context.Context }

// ConfigSetter is an option of NewConfiguration.
type ConfigSetter func(*Configuration)

// NewConfiguration is the first function that Vault calls for Okta. It fails.
func NewConfiguration(...ConfigSetter) (*Configuration, error) { return nil, stub.Called(factor) }

// WithToken does nothing: it is an option.
func WithToken(string) ConfigSetter { return nil }

// WithOrgUrl does nothing: it is an option.
func WithOrgUrl(string) ConfigSetter { return nil }

// WithCache does nothing: it is an option.
func WithCache(bool) ConfigSetter { return nil }

// The rest is there for Vault to compile. Without a configuration it is not called.
type (
	APIClient struct {
		UserAPI       users
		UserFactorAPI factors
	}
	users          struct{}
	factors        struct{}
	filter         struct{}
	request[T any] struct{}

	User           struct{}
	UserFactorPush struct{}
	Factor         struct{ UserFactorPush *UserFactorPush }
	VerifyResult   struct{ Links map[string]any }
	Transaction    struct {
		UserFactorPushTransaction         *struct{}
		UserFactorPushTransactionWaiting  *struct{}
		UserFactorPushTransactionRejected *struct{}
		UserFactorPushTransactionTimeout  *struct{}
	}
)

func NewAPIClient(*Configuration) *APIClient {
	_ = stub.Called(factor)
	return &APIClient{}
}

func (*APIClient) GetConfig() *Configuration {
	_ = stub.Called(factor)
	return &Configuration{Context: context.Background()}
}

func (request[T]) Execute() (answer T, response *http.Response, err error) {
	return answer, nil, stub.Called(factor)
}

func (users) ListUsers(context.Context) filter {
	_ = stub.Called(factor)
	return filter{}
}

func (filter) Filter(string) request[[]User] {
	_ = stub.Called(factor)
	return request[[]User]{}
}

func (factors) ListFactors(context.Context, string) request[[]Factor] {
	_ = stub.Called(factor)
	return request[[]Factor]{}
}

func (factors) VerifyFactor(context.Context, string, string) request[*VerifyResult] {
	_ = stub.Called(factor)
	return request[*VerifyResult]{}
}

func (factors) GetFactorTransactionStatus(context.Context, string, string, string) request[*Transaction] {
	_ = stub.Called(factor)
	return request[*Transaction]{}
}

func (User) GetId() string                    { return stub.Called(factor).Error() }
func (*UserFactorPush) GetId() string         { return stub.Called(factor).Error() }
func (*VerifyResult) GetFactorResult() string { return stub.Called(factor).Error() }
