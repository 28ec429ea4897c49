// Package discover stands in for finding a cluster's nodes through the APIs of cloud
// providers (auto_join). Their clients are half of the source that Vault compiles. The
// configuration of a test cluster lists its nodes.
package discover

import (
	"log"

	"goblin/stub"
)

// Provider finds nodes at a cloud. There is none here.
type Provider interface {
	Addrs(args map[string]string, l *log.Logger) ([]string, error)
	Help() string
}

// Providers are the clouds: none.
var Providers = map[string]Provider{}

// Discover finds nothing.
type Discover struct{}

// Option is an option of New.
type Option func(*Discover) error

// New does nothing: every Raft node makes one, whether it is to search or not.
func New(...Option) (*Discover, error) { return &Discover{}, nil }

// WithProviders does nothing: it is an option.
func WithProviders(map[string]Provider) Option { return nil }

// Addrs refuses a search.
func (*Discover) Addrs(string, *log.Logger) ([]string, error) { return nil, stub.Called(autoJoin) }

// Config is the text of a search, parsed.
type Config map[string]string

// Parse refuses the text of a search.
func Parse(string) (Config, error) { return nil, stub.Called(autoJoin) }

// String is never asked for: there is no parsed text.
func (Config) String() string { return stub.Called(autoJoin).Error() }

const autoJoin = "auto_join at a cloud"
