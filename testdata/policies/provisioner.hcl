# May store a provider's first secret, and never replace one.
path "secret/data/goblin-assistant/providers/+" {
  capabilities = ["create"]
}

# The token's own life; tokens may lack the default policy.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
path "sys/capabilities-self" { capabilities = ["update"] }
