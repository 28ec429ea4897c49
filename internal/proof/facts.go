package proof

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
	Whole      map[string]any
}

// clone is a copy to which entries can be added.
func (f *Facts) clone() *Facts {
	c := *f
	c.Versions, c.Backups = maps.Clone(f.Versions), maps.Clone(f.Backups)
	return &c
}

// Look reads the provider.
func (o *Observer) Look(ctx context.Context, provider string) (*Facts, error) {
	f := &Facts{Versions: map[int]Version{}, Records: map[string]Record{}}
	if err := o.lookAtProvider(ctx, f, o.Base+"/providers/"+provider); err != nil {
		return nil, err
	}
	var err error
	if f.Backups, err = o.entries(ctx, o.Base+"/backups/"+provider); err != nil {
		return nil, err
	}
	records, err := o.entries(ctx, o.Base+"/rotations/"+provider)
	for id, data := range records {
		outcome, _ := data["outcome"].(string)
		f.Records[id] = Record{Outcome: outcome, OldVersion: number(data["old_version"]), NewVersion: number(data["new_version"]), Whole: data}
	}
	return f, err
}

func (o *Observer) lookAtProvider(ctx context.Context, f *Facts, path string) error {
	meta, err := o.Client.KVv2(o.Mount).GetMetadata(ctx, path)
	if errors.Is(err, api.ErrSecretNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	f.Current, f.Custom = meta.CurrentVersion, meta.CustomMetadata
	for _, about := range meta.Versions {
		one, err := o.Client.KVv2(o.Mount).GetVersion(ctx, path, about.Version)
		if err != nil {
			return err
		}
		f.Versions[about.Version] = Version{Created: about.CreatedTime, Data: one.Data,
			Deleted: !about.DeletionTime.IsZero(), Destroyed: about.Destroyed}
	}
	return nil
}

// entries reads the newest data of every entry of a directory.
func (o *Observer) entries(ctx context.Context, dir string) (map[string]map[string]any, error) {
	found := make(map[string]map[string]any)
	listed, err := o.Client.Logical().ListWithContext(ctx, o.Mount+"/metadata/"+dir)
	if err != nil || listed == nil {
		return found, err
	}
	keys, _ := listed.Data["keys"].([]any)
	for _, key := range keys {
		name, _ := key.(string)
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
