// Package rights holds the table of what each role may do, and where. The policies of
// package policy and the checks of package doctor are made from it.
package rights

import (
	"slices"
	"strings"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/vaulterr"
)

// Place is a kind of paths in which a role may have rights.
type Place int

// The places.
const (
	Secrets Place = iota
	Ages          // and expiry tags: the secrets' metadata
	Providers
	Backups
	Claims // who began a rotation, and why: the backups' metadata
	BackupIDs
	Records
	RecordIDs
	Attempts // to revoke keys
	AttemptIDs
	AttemptDirectories
	placeCount
)

// places holds the paths of each place.
var places = [placeCount]struct {
	path     func(kv.Layout, kv.EntryName) (string, error)
	entry    kv.EntryName // the provider is its second segment
	tagsOnly bool         // writing there means custom metadata, and nothing else
}{
	Secrets:   {kv.Layout.Data, kv.EntryName{"providers", kv.Wildcard}, false},
	Ages:      {kv.Layout.Metadata, kv.EntryName{"providers", kv.Wildcard}, true},
	Providers: {kv.Layout.List, kv.EntryName{"providers"}, false},
	Backups:   {kv.Layout.Data, kv.EntryName{"backups", kv.Wildcard, kv.Wildcard}, false},
	Claims:    {kv.Layout.Metadata, kv.EntryName{"backups", kv.Wildcard, kv.Wildcard}, true},
	BackupIDs: {kv.Layout.List, kv.EntryName{"backups", kv.Wildcard}, false},
	Records:   {kv.Layout.Data, kv.EntryName{"rotations", kv.Wildcard, kv.Wildcard}, false},
	RecordIDs: {kv.Layout.List, kv.EntryName{"rotations", kv.Wildcard}, false},

	Attempts:   {kv.Layout.Data, kv.EntryName{"revocations", kv.Wildcard, kv.Wildcard, kv.Wildcard}, false},
	AttemptIDs: {kv.Layout.List, kv.EntryName{"revocations", kv.Wildcard, kv.Wildcard}, false},

	AttemptDirectories: {kv.Layout.List, kv.EntryName{"revocations", kv.Wildcard}, false},
}

// Set holds the capabilities in each place.
type Set [placeCount][]string

// roles holds what each role may.
var roles = []struct {
	name   string
	may    string // the policy's first line
	also   string // a role whose rights it has too
	rights Set
}{
	{"reader", "read provider keys and list the providers: for services", "", Set{
		Secrets:   {"read"},
		Providers: {"list"},
	}},
	{"monitor", "see ages, expiries and what is pending, and no secret value", "", Set{
		Ages:      {"read"},
		Providers: {"list"}, BackupIDs: {"list"}, RecordIDs: {"list"}, AttemptIDs: {"list"}, AttemptDirectories: {"list"},
	}},
	{"provisioner", "store a provider's first secret, and never replace one", "", Set{
		Secrets: {"create"},
	}},
	{"rotator", "rotate, roll back and recover provider keys; backups and records are append-only", "recoverer", Set{
		Secrets: {"update"},
		Backups: {"create"},
		Claims:  {"update"},
		// A source takes its key back, and a refusal says who revokes.
		Attempts: {"create", "read"},
	}},
	{"recoverer", "find out what became of unfinished rotations, and never change a provider's secret", "", Set{
		Secrets:   {"read"},
		Ages:      {"read", "patch"},
		Backups:   {"read"},
		Claims:    {"read"},
		Records:   {"create", "read"},
		Providers: {"list"}, BackupIDs: {"list"}, RecordIDs: {"list"}, AttemptIDs: {"list"}, AttemptDirectories: {"list"},
	}},
	{"revoker", "have the keys revoked that rotations replaced, and never change a provider's secret", "recoverer", Set{
		Attempts: {"create", "read"},
	}},
	{"janitor", "delete backups and read records, and no secret value", "", Set{
		Ages:      {"read"},   // to tell which backup is the newest
		Claims:    {"delete"}, // a backup goes with its metadata
		Records:   {"read"},
		Providers: {"list"}, BackupIDs: {"list"}, RecordIDs: {"list"},
	}},
	{"auditor", "read who rotated what, when and why, and no secret value", "", Set{
		Claims:    {"read"},
		Records:   {"read"},
		Attempts:  {"read"},
		Providers: {"list"}, BackupIDs: {"list"}, RecordIDs: {"list"}, AttemptIDs: {"list"}, AttemptDirectories: {"list"},
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

// Of returns what a role may: in words, and as rights, those of the role that it builds on
// included. An unknown role is ErrInvalid.
func Of(role string) (may string, all Set, err error) {
	for _, one := range roles {
		if one.name != role {
			continue
		}
		if one.also != "" {
			_, all, err = Of(one.also)
		}
		for place := range all {
			all[place] = slices.Concat(all[place], one.rights[place])
		}
		return one.may, all, err
	}
	// What was given is not repeated: it may be a secret in the wrong place.
	return "", all, vaulterr.Invalid("the role is none of %s", strings.Join(Roles(), ", "))
}

// Own returns the rights of a role without those of the role that it builds on.
func Own(role string) Set {
	for _, one := range roles {
		if one.name == role {
			return one.rights
		}
	}
	return Set{}
}
