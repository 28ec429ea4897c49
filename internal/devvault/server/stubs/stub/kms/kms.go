// Package kms is shared by the five stubs of cloud key services.
package kms

import (
	"context"

	"github.com/hashicorp/go-hclog"
	wrapping "github.com/hashicorp/go-kms-wrapping/v2"

	"goblin/stub"
)

// Wrapper stands in for a key service that would seal Vault.
type Wrapper struct {
	wrapping.Wrapper
	service string
}

// New is called for a seal stanza that names the service.
func New(service string) *Wrapper { return &Wrapper{service: service} }

// SetConfig refuses the seal stanza.
func (w *Wrapper) SetConfig(context.Context, ...wrapping.Option) (*wrapping.WrapperConfig, error) {
	return nil, stub.Called(w.service)
}

type setting func(any) error

// NoOption does nothing: Vault passes the options of one service to other seals, to
// Shamir's too.
func NoOption() wrapping.Option { return func() any { return setting(func(any) error { return nil }) } }

// WithLogger does nothing: it is an option.
func WithLogger(hclog.Logger) wrapping.Option { return NoOption() }
