package rotate

import (
	"context"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
)

// source returns where the new key comes from.
func (o *Options) source(ctx context.Context) (vaultkit.Source, error) {
	if o.Auto {
		return vaultkit.RandomKey(o.Field), nil
	}
	if len(o.Set) > 0 {
		return o.setSource(ctx)
	}
	key, err := o.newKey(ctx)
	if err != nil {
		return nil, err
	}
	return vaultkit.NewFields(map[string]any{o.Field: key}), nil
}

// setSource returns the source of --set, which replaces several fields at once.
func (o *Options) setSource(ctx context.Context) (vaultkit.Source, error) {
	keys, err := flagtype.SecretReader{IO: o.IO, AllowControl: o.AllowControl}.Fields(ctx, o.Set)
	if err != nil {
		return nil, err
	}
	fields := make(map[string]any, len(keys))
	for name, value := range keys {
		fields[name] = value
	}
	return vaultkit.NewFields(fields), nil
}

func (o *Options) newKey(ctx context.Context) (string, error) {
	const what = "the new key"
	secret := flagtype.SecretReader{IO: o.IO, AllowControl: o.AllowControl}
	switch {
	case o.NewKeyGiven:
		secret.WarnVisible("--new-key", "--new-key-file, --new-key-stdin or --new-key-env")
		return o.NewKey, secret.Check(what, o.NewKey)
	case o.NewKeyStdin:
		return secret.Stdin(ctx, what, "New key")
	case o.NewKeyFile != "":
		return secret.File(ctx, what, o.NewKeyFile)
	}
	return secret.Variable(what, o.NewKeyEnv)
}
