package approle

import (
	"net/http"
	"time"

	"goblin/vaultkit/internal/memvault/logical"
)

// Vault refuses every login with a role id for a while after some wrong secret ids.
const (
	lockoutAfter = 5
	lockoutFor   = 15 * time.Minute
)

// failures are the wrong secret ids of a role id in a row.
type failures struct {
	count int
	last  time.Time
}

func (m *Method) checkLockout(roleID string) error {
	f := m.failed[roleID]
	if f.count < lockoutAfter || m.clock.Now().Sub(f.last) >= lockoutFor {
		return nil
	}
	return &logical.Error{Status: http.StatusForbidden, Text: "permission denied"}
}

func (m *Method) countFailure(roleID string) {
	f, now := m.failed[roleID], m.clock.Now()
	if now.Sub(f.last) >= lockoutFor {
		f.count = 0
	}
	m.failed[roleID] = failures{count: f.count + 1, last: now}
}
