// Package alicloudkms stands in for Alibaba Cloud's key service, which can seal
// Vault. This server seals with Shamir's keys.
package alicloudkms

import "goblin/stub/kms"

// The variables that configure the real one. Vault's parser of configurations uses
// them as keys of a map, so that they have to differ.
const (
	EnvAliCloudKmsWrapperKeyId   = "ALICLOUDKMS_WRAPPER_KEY_ID"
	EnvVaultAliCloudKmsSealKeyId = "VAULT_ALICLOUDKMS_SEAL_KEY_ID"
)

// NewWrapper makes the wrapper that refuses its configuration.
func NewWrapper() *kms.Wrapper { return kms.New("Alibaba Cloud's key service") }
