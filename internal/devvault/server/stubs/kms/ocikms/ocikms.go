// Package ocikms stands in for Oracle Cloud's key service, which can seal Vault. This
// server seals with Shamir's keys.
package ocikms

import "goblin/stub/kms"

// The variables that configure the real one. Vault's parser of configurations uses
// them as keys of a map, so that they have to differ.
const (
	EnvOciKmsWrapperCryptoEndpoint       = "OCIKMS_WRAPPER_CRYPTO_ENDPOINT"
	EnvOciKmsWrapperKeyId                = "OCIKMS_WRAPPER_KEY_ID"
	EnvOciKmsWrapperManagementEndpoint   = "OCIKMS_WRAPPER_MANAGEMENT_ENDPOINT"
	EnvVaultOciKmsSealCryptoEndpoint     = "VAULT_OCIKMS_CRYPTO_ENDPOINT"
	EnvVaultOciKmsSealKeyId              = "VAULT_OCIKMS_SEAL_KEY_ID"
	EnvVaultOciKmsSealManagementEndpoint = "VAULT_OCIKMS_MANAGEMENT_ENDPOINT"
)

// Keys of the real wrapper's configuration.
const (
	KmsConfigKeyId              = "key_id"
	KmsConfigCryptoEndpoint     = "crypto_endpoint"
	KmsConfigManagementEndpoint = "management_endpoint"
)

// NewWrapper makes the wrapper that refuses its configuration.
func NewWrapper() *kms.Wrapper { return kms.New("Oracle Cloud's key service") }
