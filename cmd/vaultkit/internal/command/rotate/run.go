package rotate

import (
	"context"
	"errors"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/childproc"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
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
	switch {
	case errors.Is(err, vaultkit.ErrInvalid):
		return refusedField(err)
	case err != nil:
		return o.Print.Failure(ctx, provider, o.Vault.Args(), rotation, err)
	case o.DryRun:
		return o.Print.DryRun(rotation, o.checks(), o.Vault.Path)
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
	if o.Verify {
		options = append(options, vaultkit.WithVerify(func(ctx context.Context, target vaultkit.Target, keys vaultkit.ProviderKeys) error {
			return o.verify(ctx, target.Provider, keys)
		}))
	}
	return options
}

func (o *Options) checks() render.Checks {
	if o.Verify {
		return render.Checks{Random: o.Auto, Verified: "yes, by the verify command"}
	}
	return render.Checks{Random: o.Auto, Verified: "no: --verify-cmd is not given"}
}

// verify runs the user's command with the new secret.
func (o *Options) verify(ctx context.Context, provider string, keys vaultkit.ProviderKeys) error {
	command := childproc.Command{Name: "verify", Line: o.VerifyCommand, Hidden: append(o.Vault.Credentials(), o.NewKeyEnv), Out: o.IO.Err}
	if o.many() {
		command.Out = &childproc.PrefixWriter{Out: o.IO.Err, Prefix: provider + ": "} // several commands may print at once
	}
	return command.Run(ctx, keys, map[string]string{childproc.VariableProvider: provider, childproc.VariableKey: keys[o.Field]})
}
