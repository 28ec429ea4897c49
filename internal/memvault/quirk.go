package memvault

import "goblin/vaultkit/internal/memvault/kv2"

// quirk makes a server differ from Vault on purpose, so that tests can show that the
// differential test would notice.
type quirk = kv2.Quirk
