package rotate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/childproc"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/keycheck"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/verify"
)

// What to do if --verify cannot tell whether the key works.
const (
	unknownFails = "fail"
	unknownWarns = "warn"
)

func (o *Options) addVerifyFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.API, "verify", "",
		"`API` at which the new key is tried before anything is written: "+keycheck.Help()+" (default: none)")
	flags.StringVar(&o.VerifyUnknown, "verify-unknown", unknownFails,
		"`action` if --verify cannot tell whether the key works: fail or warn")
	flags.StringVar(&o.VerifyCommand, "verify-cmd", "", "shell `command` that tries the new key before anything is written (default: none)")
	_ = cmd.RegisterFlagCompletionFunc("verify", cobra.FixedCompletions(verify.Names(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("verify-unknown",
		cobra.FixedCompletions([]string{unknownFails, unknownWarns}, cobra.ShellCompDirectiveNoFileComp)) // the flags are there
}

// parseVerify refuses what cannot verify the new key. It fails for an empty value, which may come
// from a variable that is not set: the key would not be verified.
func (o *Options) parseVerify(cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	o.TryAPI, o.TryCommand = given("verify"), given("verify-cmd")
	if o.TryCommand {
		if err := childproc.CheckLine("verify-cmd", o.VerifyCommand); err != nil {
			return err
		}
	}
	switch {
	case o.VerifyUnknown != unknownFails && o.VerifyUnknown != unknownWarns:
		return exitcode.UsageErrorf("--verify-unknown must be fail or warn")
	case given("verify-unknown") && !o.TryAPI:
		return exitcode.UsageErrorf("--verify-unknown needs --verify")
	case !o.TryAPI:
		return nil
	case len(o.Set) > 0 && !o.sets(o.Field):
		return exitcode.UsageErrorf("--verify tries the field that --field names (default: api_key), but --set does not replace it")
	}
	_, err := o.verifier("")
	return err
}

// sets reports whether --set replaces a field.
func (o *Options) sets(field string) bool {
	for _, one := range o.Set {
		if name, _, _ := strings.Cut(one, "="); name == field {
			return true
		}
	}
	return false
}

// keyWait is how long --verify tries a key that is rejected: a provider may need some seconds until it
// accepts a new key.
const keyWait = 10 * time.Second

// verifier returns the verifier of --verify for a provider. With --verify-unknown=warn, it notes
// an unknown outcome.
func (o *Options) verifier(provider string) (verify.Verifier, error) {
	options := []verify.Option{verify.Field(o.Field), verify.Wait(keyWait)}
	if o.VerifyUnknown == unknownWarns {
		options = append(options, verify.AllowUnknown(func(err error) {
			o.unverified.Store(provider, err.Error())
			o.IO.Warn("%s: %v", provider, err)
		}))
	}
	return keycheck.New("verify", o.API, options...)
}

// tryKey tries the new key at the provider's API and with the user's command.
func (o *Options) tryKey(ctx context.Context, target vaultkit.Target, keys vaultkit.ProviderKeys) error {
	if o.TryAPI {
		verifier, err := o.verifier(target.Provider)
		if err != nil {
			return err
		}
		if err := verifier(ctx, target, keys); err != nil {
			return err
		}
	}
	if !o.TryCommand {
		return nil
	}
	return o.runVerifyCommand(ctx, target.Provider, keys)
}

// unverifiedHint says what Vault holds after an error of --verify, and what to do. It is empty if the
// rotation has failed for another reason.
func unverifiedHint(err error) string {
	switch {
	case errors.Is(err, vaultkit.ErrUndetermined):
		return ""
	case errors.Is(err, verify.ErrUnknown):
		return "Nothing was changed. To rotate all the same, add --verify-unknown=warn."
	case errors.Is(err, verify.ErrRejected) && errors.Is(err, context.DeadlineExceeded): // --timeout is shorter than keyWait
		return "Nothing was changed."
	case errors.Is(err, verify.ErrRejected):
		return fmt.Sprintf("The key was tried for %v. Nothing was changed.", keyWait)
	}
	return ""
}

// runVerifyCommand runs the user's command with the new secret.
func (o *Options) runVerifyCommand(ctx context.Context, provider string, keys vaultkit.ProviderKeys) error {
	command := childproc.Command{Name: "verify", Line: o.VerifyCommand, Hidden: append(o.Vault.Credentials(), o.NewKeyEnv), Out: o.IO.Err}
	if o.many() {
		command.Out = &childproc.PrefixWriter{Out: o.IO.Err, Prefix: provider + ": "} // several commands may print at once
	}
	return command.Run(ctx, keys, map[string]string{childproc.VariableProvider: provider, childproc.VariableKey: keys[o.Field]})
}

// noteUnverified adds to the JSON of a rotation that its key was not verified. For people, a
// warning is printed at once.
func (o *Options) noteUnverified(r *vaultkit.Rotation) {
	if r == nil || !o.Print.JSON {
		return
	}
	if why, unverified := o.unverified.Load(r.Provider); unverified {
		r.Warnings = append(r.Warnings, why.(string))
	}
}

// checks returns what the result of a dry run does not contain.
func (o *Options) checks(provider string) render.Checks {
	checks := render.Checks{Random: o.Auto, Verified: "no: neither --verify nor --verify-cmd is given"}
	var by []string
	if o.TryAPI {
		by = append(by, o.API)
	}
	if o.TryCommand {
		by = append(by, "the verify command")
	}
	if len(by) > 0 {
		checks.Verified = "yes, by " + strings.Join(by, " and ")
	}
	if why, unverified := o.unverified.Load(provider); unverified {
		checks.Verified = "unknown: " + why.(string)
		if o.TryCommand {
			checks.Verified = "yes, by the verify command; " + why.(string)
		}
	}
	return checks
}
