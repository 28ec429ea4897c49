// Package azurekeyvault stands in for Azure's key service, which can seal Vault. This
// server seals with Shamir's keys.
package azurekeyvault

import (
	wrapping "github.com/hashicorp/go-kms-wrapping/v2"

	"goblin/stub/kms"
)

// The variables that configure the real one. Vault's parser of configurations uses
// them as keys of a map, so that they have to differ.
const (
	EnvAzureKeyVaultWrapperKeyName   = "AZUREKEYVAULT_WRAPPER_KEY_NAME"
	EnvAzureKeyVaultWrapperVaultName = "AZUREKEYVAULT_WRAPPER_VAULT_NAME"
	EnvVaultAzureKeyVaultKeyName     = "VAULT_AZUREKEYVAULT_KEY_NAME"
	EnvVaultAzureKeyVaultVaultName   = "VAULT_AZUREKEYVAULT_VAULT_NAME"
)

// NewWrapper makes the wrapper that refuses its configuration.
func NewWrapper() *kms.Wrapper { return kms.New("Azure Key Vault") }

// WithDisallowEnvVars does nothing: it is an option.
func WithDisallowEnvVars(bool) wrapping.Option { return kms.NoOption() }
