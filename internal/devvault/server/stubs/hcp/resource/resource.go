// Package resource stands in for names at HCP, HashiCorp's cloud, which a cloud stanza
// of the configuration would use. The tests' configuration has none.
package resource

import "goblin/stub"

// Resource is a thing at HCP.
type Resource struct{}

// FromString refuses a name.
func FromString(string) (Resource, error) { return Resource{}, stub.Called("HCP") }
