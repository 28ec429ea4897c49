package faulttest

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"
)

// Observer reads Vault with the official client, and nothing of vaultkit's. Its
// token needs "read" and "list" everywhere below Base, and "update" on undelete/
// for [Observer.Undelete].
type Observer struct {
	Client *api.Client
	Mount  string
	Base   string
}

// Facts are all that Vault holds of a provider.
type Facts struct {
	Current  int
	Versions map[int]Version
	Backups  map[string]map[string]any // by id; nil: an entry without readable data
	Records  map[string]Record         // by id
	Revoked  map[string]map[string]any // what RevokeOld records beside a rotation's record, by name: <id>.revoked
	Custom   map[string]any            // the provider's custom metadata
}

// Version is one version of the provider.
type Version struct {
	Created   time.Time
	Data      map[string]any // nil: unreadable
	Deleted   bool
	Destroyed bool
}

// Record is what the checker reads in a rotation's record.
type Record struct {
	Outcome    string
	OldVersion int
	NewVersion int
	Backup     string // of a restore: none
	Whole      map[string]any
}

// clone is a copy to which entries can be added.
func (f *Facts) clone() *Facts {
	c := *f
	c.Versions, c.Backups = maps.Clone(f.Versions), maps.Clone(f.Backups)
	return &c
}

// Look reads the provider.
func (o *Observer) Read(ctx context.Context, provider string) (*Facts, error) {
	return o.readAgain(ctx, provider, &Facts{})
}

// lookAgain reads what an earlier look could not read or did not find. What it did
// read is taken from there if it is still listed: to find a value that was
// overwritten takes a whole look.
func (o *Observer) readAgain(ctx context.Context, provider string, before *Facts) (*Facts, error) {
	f := &Facts{Versions: map[int]Version{}, Records: map[string]Record{}, Revoked: map[string]map[string]any{}}
	if err := o.readProvider(ctx, f, before, o.Base+"/providers/"+provider); err != nil {
		return nil, err
	}
	var err error
	if f.Backups, err = o.entries(ctx, o.Base+"/backups/"+provider, before.Backups); err != nil {
		return nil, err
	}
	known := make(map[string]map[string]any)
	maps.Copy(known, before.Revoked)
	for id, record := range before.Records {
		known[id] = record.Whole
	}
	records, err := o.entries(ctx, o.Base+"/rotations/"+provider, known)
	for name, data := range records {
		if isRevocation(name) {
			f.Revoked[name] = data
			continue
		}
		f.Records[name] = newRecord(data)
	}
	return f, err
}

// The endings of the names of what RevokeOld records beside a rotation's record, the
// first in older versions only.
const (
	revokingSuffix = ".revoking"
	revokedSuffix  = ".revoked"
)

func isRevocation(name string) bool {
	return strings.HasSuffix(name, revokingSuffix) || strings.HasSuffix(name, revokedSuffix)
}

func newRecord(data map[string]any) Record {
	outcome, _ := data["outcome"].(string)
	backup, _ := data["backup"].(string)
	return Record{Outcome: outcome, OldVersion: number(data["old_version"]), NewVersion: number(data["new_version"]), Backup: backup, Whole: data}
}

func (o *Observer) readProvider(ctx context.Context, f, before *Facts, path string) error {
	meta, err := o.Client.KVv2(o.Mount).GetMetadata(ctx, path)
	if errors.Is(err, api.ErrSecretNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	f.Current, f.Custom = meta.CurrentVersion, meta.CustomMetadata
	for _, about := range meta.Versions {
		was := before.Versions[about.Version]
		if was.Data != nil && about.DeletionTime.IsZero() && !about.Destroyed && about.CreatedTime.Equal(was.Created) {
			f.Versions[about.Version] = Version{Created: about.CreatedTime, Data: was.Data}
			continue
		}
		one, err := o.Client.KVv2(o.Mount).GetVersion(ctx, path, about.Version)
		if err != nil {
			return err
		}
		f.Versions[about.Version] = Version{Created: about.CreatedTime, Data: one.Data,
			Deleted: !about.DeletionTime.IsZero(), Destroyed: about.Destroyed}
	}
	return nil
}

// current reads the newest version and its number.
func (o *Observer) current(ctx context.Context, provider string) (int, map[string]any, error) {
	secret, err := o.Client.KVv2(o.Mount).Get(ctx, o.Base+"/providers/"+provider)
	if err != nil {
		return 0, nil, err
	}
	return secret.VersionMetadata.Version, secret.Data, nil
}

// list names the entries of a directory.
func (o *Observer) list(ctx context.Context, dir string) (names []string, err error) {
	listed, err := o.Client.Logical().ListWithContext(ctx, o.Mount+"/metadata/"+dir)
	if err != nil || listed == nil {
		return nil, err
	}
	keys, _ := listed.Data["keys"].([]any)
	for _, key := range keys {
		name, _ := key.(string)
		names = append(names, name)
	}
	return names, nil
}

// entries reads the newest data of every entry of a directory that is not known.
func (o *Observer) entries(ctx context.Context, dir string, known map[string]map[string]any) (map[string]map[string]any, error) {
	found := make(map[string]map[string]any)
	names, err := o.list(ctx, dir)
	if err != nil {
		return found, err
	}
	for _, name := range names {
		if known[name] != nil {
			found[name] = known[name]
			continue
		}
		secret, err := o.Client.KVv2(o.Mount).Get(ctx, dir+"/"+name)
		switch {
		case errors.Is(err, api.ErrSecretNotFound):
			found[name] = nil
		case err != nil:
			return nil, err
		default:
			found[name] = secret.Data
		}
	}
	return found, nil
}

// Undelete makes soft-deleted versions readable again, as an administrator would.
// The strict check at the end of a schedule needs to read all.
func (o *Observer) Undelete(ctx context.Context, provider string, versions []int) error {
	return o.Client.KVv2(o.Mount).Undelete(ctx, o.Base+"/providers/"+provider, versions)
}

// same compares two secrets as the official client decodes them.
func same(a, b map[string]any) bool { return reflect.DeepEqual(a, b) }

func number(value any) int {
	text, _ := value.(json.Number)
	n, err := text.Int64()
	if err != nil {
		return 0
	}
	return int(n)
}

// clipped keeps a list of facts in one line.
func clipped(text string) string { return strings.Join(strings.Fields(text), " ") }
