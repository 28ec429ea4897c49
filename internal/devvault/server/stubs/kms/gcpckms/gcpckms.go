// Package gcpckms stands in for Google Cloud's key service, which can seal Vault.
// This server seals with Shamir's keys.
package gcpckms

import "goblin/stub/kms"

// The variables that configure the real one. Vault's parser of configurations uses
// them as keys of a map, so that they have to differ.
const (
	EnvGcpCkmsWrapperCredsPath   = "GOOGLE_CREDENTIALS"
	EnvGcpCkmsWrapperCryptoKey   = "GCPCKMS_WRAPPER_CRYPTO_KEY"
	EnvGcpCkmsWrapperKeyRing     = "GCPCKMS_WRAPPER_KEY_RING"
	EnvGcpCkmsWrapperLocation    = "GOOGLE_REGION"
	EnvGcpCkmsWrapperProject     = "GOOGLE_PROJECT"
	EnvVaultGcpCkmsSealCryptoKey = "VAULT_GCPCKMS_SEAL_CRYPTO_KEY"
	EnvVaultGcpCkmsSealKeyRing   = "VAULT_GCPCKMS_SEAL_KEY_RING"
)

// NewWrapper makes the wrapper that refuses its configuration.
func NewWrapper() *kms.Wrapper { return kms.New("Google Cloud KMS") }
