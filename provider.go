package vaultkit

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/settings"
	"goblin/vaultkit/internal/vaulterr"
)

// fieldAPIKey is the field that GetAPIKey reads and NewKey writes.
const fieldAPIKey = "api_key"

// ProviderKeys holds the fields of a provider's secret, by name. Index it like a map. When it is
// printed, logged or encoded, it shows only the names; [ProviderKeys.Reveal] returns a map that
// shows the values. Do not print a struct of yours that has ProviderKeys in an unexported field:
// fmt does not call the methods of unexported fields, and prints the values.
type ProviderKeys map[string]string

// APIKey returns the field "api_key", which [Client.GetAPIKey] reads and [NewKey] writes. It
// is empty if the secret has no such field.
func (k ProviderKeys) APIKey() string { return k[fieldAPIKey] }

// Reveal returns a copy as a plain map, which prints its values.
func (k ProviderKeys) Reveal() map[string]string { return maps.Clone(map[string]string(k)) }

// Fields returns the names, sorted.
func (k ProviderKeys) Fields() []string { return slices.Sorted(maps.Keys(k)) }

// String returns the names, without a value.
func (k ProviderKeys) String() string {
	return "ProviderKeys[" + vaulterr.Printable(strings.Join(k.Fields(), " ")) + "]"
}

// GoString returns the names, without a value.
func (k ProviderKeys) GoString() string { return "vaultkit." + k.String() }

// Format prints the names, without a value, under every verb.
func (k ProviderKeys) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// LogValue returns the names, without a value.
func (k ProviderKeys) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalJSON encodes the names, without a value, as an array.
func (k ProviderKeys) MarshalJSON() ([]byte, error) {
	names := k.Fields()
	if names == nil {
		names = []string{}
	}
	return json.Marshal(names)
}

func (c *Client) field(ctx context.Context, provider, field string) (string, error) {
	found, err := c.secret(ctx, provider)
	if err != nil {
		return "", err
	}
	return found.field(field)
}

// GetAPIKey returns the field "api_key" of the provider's current secret. Each call reads from
// Vault, and blocks until it responds; with WithCache, a cached key is returned immediately and
// ctx is ignored. Reads never go back behind what this client has written or read, even on
// performance standbys of Vault Enterprise: the client asks again until the standby has that
// version. Needs "read" on data/<base>/providers/<provider>.
//
// Errors: ErrInvalid (the name), ErrNotFound, ErrDeleted, ErrDestroyed, ErrFieldMissing,
// ErrPermissionDenied, ErrUnauthenticated, ErrNotKVv2, ErrMountNotFound, ErrUnavailable,
// ErrSealed, ErrClosed.
func (c *Client) GetAPIKey(ctx context.Context, provider string) (string, error) {
	if found := c.cachedSecret(provider); found != nil && found.key != "" {
		return found.key, nil
	}
	key, err := c.field(ctx, provider, fieldAPIKey)
	return key, vaulterr.WithOp("GetAPIKey", provider, err)
}

// GetField returns one field of the provider's current secret; numbers and booleans as their
// JSON text. It blocks like GetAPIKey, with the same errors and the same right. A field that is
// null, a list or an object is ErrInvalid.
func (c *Client) GetField(ctx context.Context, provider, field string) (string, error) {
	value, err := c.field(ctx, provider, field)
	return value, vaulterr.WithOp("GetField", provider, err)
}

// GetProviderKeys returns every field of the provider's current secret; numbers and booleans as
// their JSON text. It blocks like GetAPIKey, with the same errors and the same right, except
// ErrFieldMissing. A field that is null, a list or an object is ErrInvalid.
func (c *Client) GetProviderKeys(ctx context.Context, provider string) (ProviderKeys, error) {
	found, err := c.secret(ctx, provider)
	if err != nil {
		return nil, vaulterr.WithOp("GetProviderKeys", provider, err)
	}
	keys, err := found.keys()
	return keys, vaulterr.WithOp("GetProviderKeys", provider, err)
}

// Providers returns the names of the providers that have a secret, sorted; deleted secrets count.
// It leaves out folders, and names that this package does not accept: an [event.LeftOut] counts
// them, and doctor.Diagnose names them. It blocks until Vault responds. Needs "list" on
// metadata/<base>/providers/.
//
// Errors: ErrPermissionDenied, ErrUnauthenticated, ErrNotKVv2, ErrMountNotFound, ErrUnavailable,
// ErrSealed, ErrClosed.
func (c *Client) Providers(ctx context.Context) ([]string, error) {
	ctx, cancel := c.readContext(ctx)
	defer cancel()
	names, err := c.store.List(ctx, kv.EntryName{"providers"})
	if err != nil {
		return nil, vaulterr.WithOp("Providers", "", err)
	}
	names, refused := kv.SplitNames(names)
	c.leftOut(len(refused))
	slices.Sort(names)
	return names, nil
}

// leftOut reports how many names in the list of providers are invalid. It reports each number
// once, because a service may list the providers again and again.
func (c *Client) leftOut(count int) {
	if before := c.refusedNames.Swap(int64(count)); count == 0 || before == int64(count) {
		return
	}
	c.observe(event.Event{Kind: event.LeftOut, Err: &Error{
		Detail: fmt.Sprintf("the list of providers contains names that vaultkit does not accept: %d", count),
		Hint:   "vaultkit doctor shows them",
	}})
}

// PutOption configures [Client.PutProviderKeys].
type PutOption func(*putOptions)

type putOptions struct{ replaceDeleted bool }

// ReplaceDeleted lets PutProviderKeys store a secret where the current version is deleted or
// destroyed. If somebody undeletes that version at the same moment, it is one version back. With
// max_versions 1, Vault keeps no earlier version: then replacing a deleted version that is not
// destroyed is ErrConflict. Needs "read" and "update" on data/<base>/providers/<provider> too,
// and "read" on metadata/<base>/providers/<provider>: the rotator's policy has them. Default: a
// deleted version is not replaced.
func ReplaceDeleted() PutOption { return func(o *putOptions) { o.replaceDeleted = true } }

// PutProviderKeys stores a provider's first secret and returns its version. It never replaces a
// secret: Rotate does, and makes a backup. It blocks until Vault responds or ctx ends (after
// Timeouts.Write if ctx has no deadline). Needs "create" on data/<base>/providers/<provider>: the
// provisioner's policy. Without "read" there, it returns ErrUndetermined if the response is lost,
// because it cannot tell its own write from another one.
//
// Errors: those of GetAPIKey; ErrConflict if there is a secret already; ErrDeleted if its current
// version is deleted; ErrUndetermined.
func (c *Client) PutProviderKeys(ctx context.Context, provider string, keys ProviderKeys, opts ...PutOption) (version int, err error) {
	var o putOptions
	fields := make(map[string]any, len(keys))
	for name, value := range keys {
		fields[name] = value
	}
	if err := cmp.Or(settings.Apply(&o, opts), checkProvider(provider), checkFields(fields)); err != nil {
		return 0, vaulterr.WithOp("PutProviderKeys", provider, err)
	}
	ctx, cancel := c.writeContext(ctx)
	defer cancel()
	version, err = c.engine.Put(ctx, provider, fields, o.replaceDeleted)
	c.refreshCached(ctx, provider, err)
	return version, vaulterr.WithOp("PutProviderKeys", provider, err)
}

// GetAPIKey calls [Client.GetAPIKey] of the [Default] client. Its errors include those of New.
func GetAPIKey(ctx context.Context, provider string) (string, error) {
	c, err := Default(ctx)
	if err != nil {
		return "", err
	}
	return c.GetAPIKey(ctx, provider)
}

// GetProviderKeys calls [Client.GetProviderKeys] of the [Default] client. Its errors include those
// of New.
func GetProviderKeys(ctx context.Context, provider string) (ProviderKeys, error) {
	c, err := Default(ctx)
	if err != nil {
		return nil, err
	}
	return c.GetProviderKeys(ctx, provider)
}

// secret returns the provider's current secret, from the cache if it is there.
func (c *Client) secret(ctx context.Context, provider string) (*secret, error) {
	if found := c.cachedSecret(provider); found != nil {
		return found, nil
	}
	if err := checkProvider(provider); err != nil {
		return nil, err
	}
	ctx, cancel := c.readContext(ctx)
	defer cancel()
	if c.cached {
		return c.keys.Get(ctx, provider)
	}
	began := time.Now()
	stored, err := c.store.Read(ctx, kv.EntryName{"providers", provider})
	c.observe(event.Event{
		Kind: event.Read, Provider: provider, Version: stored.Version,
		Took: time.Since(began), Err: vaulterr.WithOp("read", provider, err),
	})
	if err != nil {
		return nil, err
	}
	return newSecret(stored), nil
}

// textFields returns every field of a stored secret as text.
func textFields(data map[string]any) (ProviderKeys, error) {
	keys := make(ProviderKeys, len(data))
	for _, name := range slices.Sorted(maps.Keys(data)) {
		text, err := textOf(name, data[name])
		if err != nil {
			return nil, err
		}
		keys[name] = text
	}
	return keys, nil
}

func textOf(field string, value any) (string, error) {
	if text, is := value.(string); is {
		return text, nil
	}
	if scalar(value) {
		text, err := json.Marshal(value)
		return string(text), err
	}
	return "", &Error{Kind: ErrInvalid, Field: field, Detail: "the field is null, a list or an object, not a key",
		Hint: "store it as text"}
}

func checkProvider(name string) error { return kv.CheckName("provider name", name) }

// checkFields refuses an empty set of fields, invalid names, empty values, and values that are
// not text, a number or a boolean.
func checkFields(fields map[string]any) error {
	if len(fields) == 0 {
		return vaulterr.Invalid("no fields: a provider needs at least one")
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if err := checkFieldName(name); err != nil {
			return err
		}
		text, ok := fields[name].(string)
		switch {
		case ok && text == "":
			return &Error{Kind: ErrInvalid, Field: name, Detail: "the value is empty", Hint: "give it a value"}
		case ok && !utf8.ValidString(text):
			return &Error{Kind: ErrInvalid, Field: name, Detail: "the value is not valid UTF-8", Hint: "encode it as text, base64 for instance"}
		case !ok && !scalar(fields[name]):
			detail := fmt.Sprintf("a value of type %T is not a key", fields[name])
			return &Error{Kind: ErrInvalid, Field: name, Detail: detail, Hint: "give text, a number or a boolean"}
		}
	}
	return nil
}

func checkFieldName(name string) error {
	printable := !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
	if name == "" || len(name) > 128 || !utf8.ValidString(name) || !printable {
		return vaulterr.Invalid("a field name must be 1 to 128 bytes of printable UTF-8")
	}
	return nil
}

func scalar(value any) bool {
	switch value.(type) {
	case bool, json.Number, float32, float64, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return true
	}
	return false
}
