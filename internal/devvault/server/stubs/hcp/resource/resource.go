// Package resource stands in for names of resources at HCP, HashiCorp's cloud. Only a
// cloud stanza in the configuration uses them, and the tests have none.
package resource

import "goblin/stub"

// Resource is a resource at HCP.
type Resource struct{}

// FromString refuses a name.
func FromString(string) (Resource, error) { return Resource{}, stub.Called("HCP") }
