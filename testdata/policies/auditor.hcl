# May read who rotated what, when and why, and no secret value.
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

# The token's own life; tokens may lack the default policy.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
path "sys/capabilities-self" { capabilities = ["update"] }
