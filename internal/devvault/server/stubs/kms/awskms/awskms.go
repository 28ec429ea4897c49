// Package awskms stands in for Amazon's key service, which can seal Vault. This
// server seals with Shamir's keys.
package awskms

import (
	"github.com/hashicorp/go-hclog"
	wrapping "github.com/hashicorp/go-kms-wrapping/v2"

	"goblin/stub/kms"
)

// The variables that configure the real one. Vault's parser of configurations uses
// them as keys of a map, so that they have to differ.
const (
	EnvAwsKmsWrapperKeyId   = "AWSKMS_WRAPPER_KEY_ID"
	EnvVaultAwsKmsSealKeyId = "VAULT_AWSKMS_SEAL_KEY_ID"
)

// NewWrapper makes the wrapper that refuses its configuration.
func NewWrapper() *kms.Wrapper { return kms.New("AWS KMS") }

// WithLogger does nothing: Vault's core passes this option to Shamir's seal.
func WithLogger(logger hclog.Logger) wrapping.Option { return kms.WithLogger(logger) }

// WithDisallowEnvVars does nothing: it is an option.
func WithDisallowEnvVars(bool) wrapping.Option { return kms.NoOption() }
