// Package rights holds the table of the roles: the capabilities of each role, and the paths
// that they apply to. Package policy writes policies from it, and package doctor checks tokens
// against it.
package rights

import (
	"slices"
	"strings"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/vaulterr"
)

// PathKind is a kind of path on which a role may have capabilities.
type PathKind int

// The kinds of paths. Those named IDs or Directories are lists.
const (
	Secrets        PathKind = iota
	SecretMetadata          // shows the age of a secret, and holds its expiry tags
	Providers
	Backups
	BackupMetadata // holds the attribution: who rotates, and why
	BackupIDs
	Records
	RecordIDs
	Attempts // entries that announce that keys are revoked
	AttemptIDs
	AttemptDirectories
	pathKindCount
)

// pathKinds holds the paths of each kind.
var pathKinds = [pathKindCount]struct {
	path     func(kv.Layout, kv.EntryName) (string, error)
	entry    kv.EntryName // the provider is its second segment
	tagsOnly bool         // a write may change only custom metadata
}{
	Secrets:        {kv.Layout.Data, kv.EntryName{"providers", kv.Wildcard}, false},
	SecretMetadata: {kv.Layout.Metadata, kv.EntryName{"providers", kv.Wildcard}, true},
	Providers:      {kv.Layout.List, kv.EntryName{"providers"}, false},
	Backups:        {kv.Layout.Data, kv.EntryName{"backups", kv.Wildcard, kv.Wildcard}, false},
	BackupMetadata: {kv.Layout.Metadata, kv.EntryName{"backups", kv.Wildcard, kv.Wildcard}, true},
	BackupIDs:      {kv.Layout.List, kv.EntryName{"backups", kv.Wildcard}, false},
	Records:        {kv.Layout.Data, kv.EntryName{"rotations", kv.Wildcard, kv.Wildcard}, false},
	RecordIDs:      {kv.Layout.List, kv.EntryName{"rotations", kv.Wildcard}, false},

	Attempts:   {kv.Layout.Data, kv.EntryName{"revocations", kv.Wildcard, kv.Wildcard, kv.Wildcard}, false},
	AttemptIDs: {kv.Layout.List, kv.EntryName{"revocations", kv.Wildcard, kv.Wildcard}, false},

	AttemptDirectories: {kv.Layout.List, kv.EntryName{"revocations", kv.Wildcard}, false},
}

// Set holds the capabilities on each kind of path.
type Set [pathKindCount][]string

// roles holds the capabilities of each role.
var roles = []struct {
	name    string
	summary string // what the role may do: the first line of its policy
	base    string // another role, whose capabilities it also has
	rights  Set
}{
	{"reader", "read provider keys and list the providers: for services", "", Set{
		Secrets:   {"read"},
		Providers: {"list"},
	}},
	{"monitor", "see ages, expiries and unfinished rotations; read no secret", "", Set{
		SecretMetadata: {"read"},
		Providers:      {"list"}, BackupIDs: {"list"}, RecordIDs: {"list"}, AttemptIDs: {"list"}, AttemptDirectories: {"list"},
	}},
	{"provisioner", "store a provider's first secret; never replace one", "", Set{
		Secrets: {"create"},
	}},
	{"rotator", "rotate, roll back and recover provider keys; backups and records are append-only", "recoverer", Set{
		Secrets:        {"update"},
		Backups:        {"create"},
		BackupMetadata: {"update"},
		// A source revokes its unused key. The error for a revoked key names who revokes it.
		Attempts: {"create", "read"},
	}},
	{"recoverer", "find out what unfinished rotations did, and record it; never change a provider's secret", "", Set{
		Secrets:        {"read"},
		SecretMetadata: {"read", "patch"},
		Backups:        {"read"},
		BackupMetadata: {"read"},
		Records:        {"create", "read"},
		Providers:      {"list"}, BackupIDs: {"list"}, RecordIDs: {"list"}, AttemptIDs: {"list"}, AttemptDirectories: {"list"},
	}},
	{"revoker", "have the keys revoked that rotations replaced; never change a provider's secret", "recoverer", Set{
		Attempts: {"create", "read"},
	}},
	{"janitor", "delete backups and read records; read no secret", "", Set{
		SecretMetadata: {"read"},   // to find out which backup is the newest
		BackupMetadata: {"delete"}, // deleting the metadata deletes the backup
		Records:        {"read"},
		Providers:      {"list"}, BackupIDs: {"list"}, RecordIDs: {"list"},
	}},
	{"auditor", "read who rotated what, when and why; read no secret, write nothing", "", Set{
		BackupMetadata: {"read"},
		Records:        {"read"},
		Attempts:       {"read"},
		Providers:      {"list"}, BackupIDs: {"list"}, RecordIDs: {"list"}, AttemptIDs: {"list"}, AttemptDirectories: {"list"},
	}},
}

// Roles returns the names of all roles.
func Roles() []string {
	names := make([]string, len(roles))
	for i, one := range roles {
		names[i] = one.name
	}
	return names
}

// ForRole returns what a role may do, as the first line of its policy and as capabilities. They
// include those of the role that it builds on. An unknown role is ErrInvalid.
func ForRole(role string) (summary string, all Set, err error) {
	for _, one := range roles {
		if one.name != role {
			continue
		}
		if one.base != "" {
			_, all, err = ForRole(one.base)
		}
		for kind := range all {
			all[kind] = slices.Concat(all[kind], one.rights[kind])
		}
		return one.summary, all, err
	}
	// The error does not repeat the unknown name, which may be a misplaced secret.
	return "", all, vaulterr.Invalid("the role is none of %s", strings.Join(Roles(), ", "))
}

// Own returns the capabilities of a role without those of the role that it builds on.
func Own(role string) Set {
	for _, one := range roles {
		if one.name == role {
			return one.rights
		}
	}
	return Set{}
}
