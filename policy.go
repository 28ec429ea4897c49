package vaultkit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/settings"
	"goblin/vaultkit/internal/vaulterr"
)

// Role is a kind of work with the provider keys and stands for the rights it
// needs, which [Policy] writes down for Vault.
type Role string

// The roles. None of them may delete a provider, or change how Vault keeps one.
const (
	RoleReader      Role = "reader"      // services: read keys, list providers
	RoleMonitor     Role = "monitor"     // see ages, expiries and what is pending; no secret value
	RoleProvisioner Role = "provisioner" // store a provider's first secret, never replace one
	RoleRotator     Role = "rotator"     // rotate, roll back, recover; only add backups and records
	RoleRecoverer   Role = "recoverer"   // recover: the rotator without the right to change a secret
	RoleRevoker     Role = "revoker"     // recover, and have old keys revoked; never change a secret
	RoleJanitor     Role = "janitor"     // delete backups; no secret value
	RoleAuditor     Role = "auditor"     // read records and claims; no secret value, no write
)

// Roles lists the roles there are.
func Roles() []Role {
	names := make([]Role, len(roles))
	for i, one := range roles {
		names[i] = one.name
	}
	return names
}

// PolicyOption configures Policy.
type PolicyOption func(*policyOptions)

type policyOptions struct {
	layout    kv.Layout
	providers []string
	narrowed  bool // to these providers
}

// OnlyProviders narrows a policy to the providers with these names, at least
// one. A role that lists sees the names of the others all the same. Do not give
// a token both a narrowed policy and one for every provider: where both have a
// path, Vault goes by the narrowed one alone. Default: every provider.
func OnlyProviders(names ...string) PolicyOption {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	return func(o *policyOptions) { o.providers, o.narrowed = names, true }
}

// AtMount is [WithMount] for a policy. Default "secret".
func AtMount(path string) PolicyOption { return func(o *policyOptions) { o.layout.Mount = path } }

// AtBasePath is [WithBasePath] for a policy. Default "goblin-assistant".
func AtBasePath(path string) PolicyOption { return func(o *policyOptions) { o.layout.Base = path } }

// Policy returns the least that a role needs as the text of a Vault policy
// (HCL), for "vault policy write". A comment at its top says what the role may.
// It includes what a Client does with its own token (look up, renew, revoke, ask
// for capabilities), so that tokens need not have Vault's default policy. Its
// paths are those below the namespace it is stored in.
//
// Policy does not talk to Vault: the same arguments give the same text. It is
// safe for concurrent use.
//
// Errors: ErrInvalid (a role there is not, a provider's name, mount or base path
// that a Client would refuse too, OnlyProviders without a name, a nil option).
func Policy(role Role, opts ...PolicyOption) (string, error) {
	text, err := policyText(role, opts)
	return text, vaulterr.In("Policy", "", err)
}

func policyText(role Role, opts []PolicyOption) (string, error) {
	o, err := newPolicyOptions(opts)
	if err != nil {
		return "", err
	}
	may, granted, err := role.granted()
	if err != nil {
		return "", err
	}
	grants, err := o.grants(granted)
	if err != nil {
		return "", err
	}
	text := "# May " + may + ".\n"
	for _, one := range grants {
		text += block(one.path, one.capabilities, places[one.at].tagsOnly)
	}
	return text + ownToken, nil
}

// grant is what a role may at a path, which is one of a place.
type grant struct {
	at           int
	path         string
	capabilities []string
}

// grants are the paths of a role's rights.
func (o *policyOptions) grants(granted rights) ([]grant, error) {
	var grants []grant
	for at, capabilities := range granted {
		if len(capabilities) == 0 {
			continue
		}
		for _, key := range o.keys(places[at].key) {
			path, err := places[at].door(o.layout, key)
			if err != nil {
				return nil, err
			}
			grants = append(grants, grant{at, path, capabilities})
		}
	}
	return grants, nil
}

func newPolicyOptions(opts []PolicyOption) (*policyOptions, error) {
	o := policyOptions{layout: kv.Layout{Mount: settings.DefaultMount, Base: settings.DefaultBase, Patterns: true}}
	err := cmp.Or(apply(&o, opts), kv.CheckPath("mount", o.layout.Mount), kv.CheckPath("base path", o.layout.Base))
	if o.narrowed && len(o.providers) == 0 {
		// An empty list by mistake must not become a policy for them all.
		err = cmp.Or[error](err, vaulterr.Invalid("OnlyProviders names no provider"))
	}
	for _, provider := range o.providers {
		err = cmp.Or(err, checkProvider(provider))
	}
	return &o, err
}

// keys are what a pattern becomes: itself, or one for each provider the policy is
// narrowed to.
func (o *policyOptions) keys(pattern kv.Key) []kv.Key {
	if !o.narrowed || len(pattern) == 1 {
		return []kv.Key{pattern}
	}
	keys := make([]kv.Key, len(o.providers))
	for i, provider := range o.providers {
		keys[i] = slices.Concat(pattern[:1], kv.Key{provider}, pattern[2:])
	}
	return keys
}

// block grants capabilities on a path.
func block(path string, capabilities []string, tagsOnly bool) string {
	list := `["` + strings.Join(capabilities, `", "`) + `"]`
	writes := slices.Contains(capabilities, "update") || slices.Contains(capabilities, "patch")
	if tagsOnly && writes {
		return fmt.Sprintf(taggingBlock, path, list)
	}
	return fmt.Sprintf("path %q {\n  capabilities = %s\n}\n", path, list)
}

const taggingBlock = `path %q {
  # Nothing else: delete_version_after and max_versions delete what is stored.
  capabilities       = %s
  allowed_parameters = { "custom_metadata" = [] }
}
`

const ownToken = `
# The token's own life; tokens may lack the default policy.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
path "sys/capabilities-self" { capabilities = ["update"] }
`

// The places where a role may have rights.
const (
	onSecrets = iota
	onAges    // and expiry tags: the secrets' metadata
	onProviders
	onBackups
	onClaims // who began a rotation, and why: the backups' metadata
	onBackupIDs
	onRecords
	onRecordIDs
	onAttempts // to revoke keys
	onAttemptIDs
	onAttemptDirectories
	placeCount
)

// places says which paths they are.
var places = [placeCount]struct {
	door     func(kv.Layout, kv.Key) (string, error)
	key      kv.Key // the provider is its second segment
	tagsOnly bool   // who writes there may write custom metadata, and nothing else
}{
	onSecrets:   {kv.Layout.Data, kv.Key{"providers", kv.Any}, false},
	onAges:      {kv.Layout.Metadata, kv.Key{"providers", kv.Any}, true},
	onProviders: {kv.Layout.List, kv.Key{"providers"}, false},
	onBackups:   {kv.Layout.Data, kv.Key{"backups", kv.Any, kv.Any}, false},
	onClaims:    {kv.Layout.Metadata, kv.Key{"backups", kv.Any, kv.Any}, true},
	onBackupIDs: {kv.Layout.List, kv.Key{"backups", kv.Any}, false},
	onRecords:   {kv.Layout.Data, kv.Key{"rotations", kv.Any, kv.Any}, false},
	onRecordIDs: {kv.Layout.List, kv.Key{"rotations", kv.Any}, false},

	onAttempts:   {kv.Layout.Data, kv.Key{"revocations", kv.Any, kv.Any, kv.Any}, false},
	onAttemptIDs: {kv.Layout.List, kv.Key{"revocations", kv.Any, kv.Any}, false},

	onAttemptDirectories: {kv.Layout.List, kv.Key{"revocations", kv.Any}, false},
}

// rights are the capabilities in each place.
type rights [placeCount][]string

// roles says what each role may.
var roles = []struct {
	name   Role
	may    string // the policy's first line
	also   Role   // whose rights it has too
	rights rights
}{
	{RoleReader, "read provider keys and list the providers: for services", "", rights{
		onSecrets:   {"read"},
		onProviders: {"list"},
	}},
	{RoleMonitor, "see ages, expiries and what is pending, and no secret value", "", rights{
		onAges:      {"read"},
		onProviders: {"list"}, onBackupIDs: {"list"}, onRecordIDs: {"list"}, onAttemptIDs: {"list"}, onAttemptDirectories: {"list"},
	}},
	{RoleProvisioner, "store a provider's first secret, and never replace one", "", rights{
		onSecrets: {"create"},
	}},
	{RoleRotator, "rotate, roll back and recover provider keys; backups and records are append-only", RoleRecoverer, rights{
		onSecrets: {"update"},
		onBackups: {"create"},
		onClaims:  {"update"},
		// A source takes its key back, and a refusal says who revokes.
		onAttempts: {"create", "read"},
	}},
	{RoleRecoverer, "find out what became of unfinished rotations, and never change a provider's secret", "", rights{
		onSecrets:   {"read"},
		onAges:      {"read", "patch"},
		onBackups:   {"read"},
		onClaims:    {"read"},
		onRecords:   {"create", "read"},
		onProviders: {"list"}, onBackupIDs: {"list"}, onRecordIDs: {"list"}, onAttemptIDs: {"list"}, onAttemptDirectories: {"list"},
	}},
	{RoleRevoker, "have the keys revoked that rotations replaced, and never change a provider's secret", RoleRecoverer, rights{
		onAttempts: {"create", "read"},
	}},
	{RoleJanitor, "delete backups and read records, and no secret value", "", rights{
		onAges:      {"read"},   // to tell which backup is the newest
		onClaims:    {"delete"}, // a backup goes with its metadata
		onRecords:   {"read"},
		onProviders: {"list"}, onBackupIDs: {"list"}, onRecordIDs: {"list"},
	}},
	{RoleAuditor, "read who rotated what, when and why, and no secret value", "", rights{
		onClaims:    {"read"},
		onRecords:   {"read"},
		onAttempts:  {"read"},
		onProviders: {"list"}, onBackupIDs: {"list"}, onRecordIDs: {"list"}, onAttemptIDs: {"list"}, onAttemptDirectories: {"list"},
	}},
}

// granted is what the table says of a role and of the one it builds on.
func (role Role) granted() (may string, all rights, err error) {
	for _, one := range roles {
		if one.name != role {
			continue
		}
		if one.also != "" {
			_, all, err = one.also.granted()
		}
		for at := range all {
			all[at] = slices.Concat(all[at], one.rights[at])
		}
		return one.may, all, err
	}
	var names []string
	for _, one := range Roles() {
		names = append(names, string(one))
	}
	// What was given is not repeated: it may be a secret in the wrong place.
	return "", all, vaulterr.Invalid("the role is none of %s", strings.Join(names, ", "))
}

// own is what the table says of the role alone.
func (role Role) own() (own rights) {
	for _, one := range roles {
		if one.name == role {
			own = one.rights
		}
	}
	return own
}
