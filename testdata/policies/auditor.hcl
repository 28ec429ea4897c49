# May read who rotated what, when and why; read no secret, write nothing.
path "secret/metadata/goblin-assistant/providers/" {
  capabilities = ["list"]
}
path "secret/metadata/goblin-assistant/backups/+/+" {
  capabilities = ["read"]
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
path "secret/data/goblin-assistant/revocations/+/+/+" {
  capabilities = ["read"]
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
