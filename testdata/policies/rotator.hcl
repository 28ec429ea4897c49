# May rotate, roll back and recover provider keys. Backups and records are
# append-only for it: create without update.
path "secret/data/goblin-assistant/providers/+" {
  capabilities = ["read", "update"]
}
path "secret/metadata/goblin-assistant/providers/+" {
  # Plain patch could set delete_version_after, which deletes a live key.
  capabilities       = ["read", "patch"]
  allowed_parameters = { "custom_metadata" = [] }
}
path "secret/metadata/goblin-assistant/providers" {
  capabilities = ["list"]
}
path "secret/data/goblin-assistant/backups/+/+" {
  capabilities = ["create", "read"]
}
path "secret/metadata/goblin-assistant/backups/+/+" {
  capabilities       = ["read", "update"]
  allowed_parameters = { "custom_metadata" = [] }
}
path "secret/metadata/goblin-assistant/backups/+" {
  capabilities = ["list"]
}
path "secret/data/goblin-assistant/rotations/+/+" {
  capabilities = ["create", "read"]
}
path "secret/metadata/goblin-assistant/rotations/+" {
  capabilities = ["list"]
}

# The token's own life; tokens may lack the default policy.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
path "sys/capabilities-self" { capabilities = ["update"] }
