# May delete backups and read records; read no secret.
path "secret/metadata/goblin-assistant/providers/+" {
  capabilities = ["read"]
}
path "secret/metadata/goblin-assistant/providers/" {
  capabilities = ["list"]
}
path "secret/metadata/goblin-assistant/backups/+/+" {
  capabilities = ["delete"]
}
path "secret/metadata/goblin-assistant/backups/+/" {
  capabilities = ["list"]
}
path "secret/data/goblin-assistant/rotations/+/+" {
  capabilities = ["read"]
}
path "secret/metadata/goblin-assistant/rotations/+/" {
  capabilities = ["list"]
}

# What a client does with its own token. The token need not have the default policy.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
path "sys/capabilities-self" { capabilities = ["update"] }
