package acl

import "strings"

// rootPaths are the paths of Vault's system backend and token store that need sudo or the
// root policy in addition to the operation's capability. A trailing * is a prefix.
var rootPaths = []string{
	"sys/audit", "sys/audit/*",
	"sys/auth/*",
	"sys/config/auditing/*",
	"sys/config/cors",
	"sys/config/ui/headers/*",
	"sys/internal/counters/activity/export",
	"sys/internal/inspect/*",
	"sys/leases",
	"sys/leases/lookup/*",
	"sys/leases/revoke-force/*", "sys/revoke-force/*",
	"sys/leases/revoke-prefix/*", "sys/revoke-prefix/*",
	"sys/plugins/catalog/*", "sys/plugins/runtimes/catalog/*",
	"sys/raw", "sys/raw/*",
	"sys/remount",
	"sys/replication/dr/primary/secondary-token",
	"sys/replication/dr/reindex",
	"sys/replication/performance/primary/secondary-token",
	"sys/replication/performance/reindex",
	"sys/replication/primary/secondary-token",
	"sys/replication/reindex",
	"sys/reporting/scan",
	"sys/rotate",
	"sys/seal",
	"sys/step-down",
	"sys/storage/raft/snapshot-auto/config/*",
	"auth/token/accessors/",
	"auth/token/revoke-orphan",
}

// NeedsSudo reports whether a path needs [Decision.Sudo].
func NeedsSudo(path string) bool {
	for _, one := range rootPaths {
		if prefix, ok := strings.CutSuffix(one, "*"); path == one || ok && strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}
