# May rotate, roll back and recover provider keys; backups and records are append-only.
path "secret/data/goblin-assistant/providers/+" {
  capabilities = ["read", "update"]
}
path "secret/metadata/goblin-assistant/providers/+" {
  # Only custom metadata: delete_version_after and max_versions delete stored versions.
  capabilities       = ["read", "patch"]
  allowed_parameters = { "custom_metadata" = [] }
}
path "secret/metadata/goblin-assistant/providers/" {
  capabilities = ["list"]
}
path "secret/data/goblin-assistant/backups/+/+" {
  capabilities = ["read", "create"]
}
path "secret/metadata/goblin-assistant/backups/+/+" {
  # Only custom metadata: delete_version_after and max_versions delete stored versions.
  capabilities       = ["read", "update"]
  allowed_parameters = { "custom_metadata" = [] }
}
path "secret/metadata/goblin-assistant/backups/+/" {
  capabilities = ["list"]
}
path "secret/data/goblin-assistant/rotations/+/+" {
  capabilities = ["create", "read"]
}
path "secret/metadata/goblin-assistant/rotations/+/" {
  capabilities = ["list"]
}
path "secret/data/goblin-assistant/revocations/+/+/+" {
  capabilities = ["create", "read"]
}
path "secret/data/goblin-assistant/revocations/../+/+" {
  # Vault resolves .. after it has checked the policy.
  capabilities = ["deny"]
}
path "secret/metadata/goblin-assistant/revocations/+/+/" {
  capabilities = ["list"]
}
path "secret/metadata/goblin-assistant/revocations/+/" {
  capabilities = ["list"]
}

# What a client does with its own token. The token need not have the default policy.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
path "sys/capabilities-self" { capabilities = ["update"] }
