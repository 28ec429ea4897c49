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

// Observer reads Vault with the official client, without vaultkit. Its token needs "read" and
// "list" on everything below Base, and "update" on undelete/ for [Observer.Undelete].
type Observer struct {
	Client *api.Client
	Mount  string
	Base   string
}

// Facts are everything that Vault holds for a provider.
type Facts struct {
	Current  int
	Versions map[int]Version
	Backups  map[string]map[string]any // by id; nil: the entry has no readable data
	Records  map[string]Record         // by id
	Revoked  map[string]map[string]any // RevokeOld's records, by name: <id>.revoked
	Custom   map[string]any            // the provider's custom metadata
}

// Version is one version of the provider.
type Version struct {
	Created   time.Time
	Data      map[string]any // nil: unreadable
	Deleted   bool
	Destroyed bool
}

// Record holds the fields of a rotation's record that the checker reads.
type Record struct {
	Outcome    string
	OldVersion int
	NewVersion int
	Backup     string // "" for a restore
	Whole      map[string]any
}

// clone returns a copy to which entries can be added.
func (f *Facts) clone() *Facts {
	c := *f
	c.Versions, c.Backups = maps.Clone(f.Versions), maps.Clone(f.Backups)
	return &c
}

// Read reads the provider.
func (o *Observer) Read(ctx context.Context, provider string) (*Facts, error) {
	return o.readAgain(ctx, provider, &Facts{})
}

// readAgain reads what an earlier read could not read or did not find. It copies the rest from
// the earlier read if it is still listed, so it does not find a value that was overwritten.
// Read does.
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

// The suffixes of the names of RevokeOld's records. Only older versions of vaultkit wrote the first.
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

// list returns the names in a directory.
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

// Undelete makes soft-deleted versions readable again, as an administrator would. The check at
// the end of a schedule needs to read everything.
func (o *Observer) Undelete(ctx context.Context, provider string, versions []int) error {
	return o.Client.KVv2(o.Mount).Undelete(ctx, o.Base+"/providers/"+provider, versions)
}

// same reports whether two secrets are equal, as the official client decodes them.
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
