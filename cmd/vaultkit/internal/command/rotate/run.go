package rotate

import (
	"context"
	"errors"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// Run rotates one provider, or many.
func Run(ctx context.Context, o *Options) error {
	if o.many() {
		return o.rotateMany(ctx)
	}
	provider := o.Providers[0]
	source, err := o.source(ctx)
	if err != nil {
		return err
	}
	options := o.options()
	var rotation *vaultkit.Rotation
	err = o.Vault.With(ctx, func(ctx context.Context, client *vaultkit.Client) (err error) {
		rotation, err = client.Rotate(ctx, provider, source, options...)
		return err
	})
	o.noteUnverified(rotation)
	switch {
	case errors.Is(err, vaultkit.ErrInvalid):
		return refusedField(err)
	case unverifiedHint(err) != "" && ctx.Err() == nil:
		return exitcode.WithHint(err, unverifiedHint(err))
	case err != nil:
		return o.Print.Failure(ctx, provider, o.Vault.Args(), rotation, err)
	case o.DryRun:
		return o.Print.DryRun(rotation, o.checks(provider), o.Vault.Path)
	}
	return o.Print.Rotated("Rotated", rotation)
}

// refusedField adds to the error for an unknown field what to do. It is the only error
// of Rotate with both a field and a version.
func refusedField(err error) error {
	if why, ok := errors.AsType[*vaultkit.Error](err); ok && why.Field != "" && why.Version > 0 {
		return exitcode.WithHint(err, "To add the field, add --add-field.")
	}
	return err
}

// options returns the options, which are the same for every provider.
func (o *Options) options() []vaultkit.RotateOption {
	actor, reason := o.Attribution.Options()
	options := []vaultkit.RotateOption{actor, reason}
	if o.ExpiresIn > 0 {
		options = append(options, vaultkit.WithExpiresAt(o.Now().Add(time.Duration(o.ExpiresIn))))
	}
	if o.AddField {
		options = append(options, vaultkit.AddFields())
	}
	if o.DryRun {
		options = append(options, vaultkit.WithDryRun())
	}
	if o.AllowRevoked {
		options = append(options, vaultkit.AllowRevoked())
	}
	if o.TryAPI || o.TryCommand {
		options = append(options, vaultkit.WithVerify(o.tryKey))
	}
	return options
}
