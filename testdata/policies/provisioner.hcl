# May store a provider's first secret; never replace one.
path "secret/data/goblin-assistant/providers/+" {
  capabilities = ["create"]
}

# What a client does with its own token. The token need not have the default policy.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
path "sys/capabilities-self" { capabilities = ["update"] }
