// Command rotator replaces a provider's key by one that it gets from the provider's API. Run it from
// cron or a CI job: it may be killed at any moment and run again.
//
//	rotator [-wait 5m] PROVIDER
//
// It asks for a new key, tries it, and puts it in force, with a backup and an audit record; or it finishes
// what an earlier run has begun. It waits until every service has the new key, and then revokes the old
// one.
//
// The connection to Vault comes from the variables that the vaultkit command uses. PROVIDER_URL is the
// provider's API, and PROVIDER_ADMIN_KEY the key that may issue and revoke keys.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/verify"
)

func main() {
	// Longer than the ttl of the services' caches and their longest request, together.
	wait := flag.Duration("wait", 5*time.Minute, "how long the old key stays valid")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, flag.Args(), *wait)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, args []string, wait time.Duration) error {
	url, adminKey := os.Getenv("PROVIDER_URL"), os.Getenv("PROVIDER_ADMIN_KEY")
	switch {
	case len(args) > 1:
		return errors.New("give one argument, the name of the provider, and flags before it: rotator -wait 5m PROVIDER")
	case len(args) == 0 || args[0] == "" || url == "" || adminKey == "":
		return errors.New("give the name of the provider, and set PROVIDER_URL and PROVIDER_ADMIN_KEY")
	}
	works, err := verifier(url, 30*time.Second)
	if err != nil {
		return fmt.Errorf("PROVIDER_URL: %w", err)
	}
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		return err
	}
	defer client.Close()
	r := &rotator{client: client, issuer: newIssuer(url, adminKey), works: works, provider: args[0], wait: wait}
	return r.run(ctx)
}

// verifier tries the new key with a request that costs nothing. A new key may need a moment until it
// works. An address to which no key may be sent, such as http:// to another machine, is an error.
func verifier(url string, wait time.Duration) (verify.Verifier, error) {
	return verify.For(url, verify.Field(fieldKey), verify.Wait(wait))
}

// rotator rotates the key of one provider.
type rotator struct {
	client   *vaultkit.Client
	issuer   *issuer
	works    verify.Verifier
	provider string
	wait     time.Duration
}

func (r *rotator) run(ctx context.Context) error {
	id, err := r.finishEarlier(ctx)
	if err == nil && id == "" {
		id, err = r.rotate(ctx)
	}
	if err != nil {
		return err
	}
	select {
	case <-time.After(r.wait):
	case <-ctx.Done():
		return fmt.Errorf("the old key is not revoked; the next run makes another key first, and then revokes it: %w", ctx.Err())
	}
	return r.revokeOld(ctx, id)
}

// finishEarlier finds out what an earlier run did that got no response or crashed. If its new key is in
// force, this run goes on from there: a source makes another key on each call, so Rotate would replace a
// key that is still new.
func (r *rotator) finishEarlier(ctx context.Context) (id string, err error) {
	found, err := r.client.Recover(ctx, r.provider)
	for _, earlier := range found {
		if earlier.Outcome == vaultkit.OutcomeCommitted {
			log.Printf("an earlier run has put a key of %s in force: %s", r.provider, earlier.ID)
			id = earlier.ID
		}
	}
	return id, err
}

func (r *rotator) rotate(ctx context.Context) (id string, err error) {
	rotation, err := r.client.Rotate(ctx, r.provider, r.issuer,
		vaultkit.WithVerify(r.works),
		vaultkit.AddFields(), // the first time, the secret may have no id of the key
		vaultkit.WithActor("rotator"), vaultkit.WithReason("scheduled"))
	switch {
	case errors.Is(err, vaultkit.ErrUndetermined):
		return "", fmt.Errorf("run it again: it finds out whether the new key is in force, and revokes nothing before: %w", err)
	case err != nil:
		return "", err // the old key is in force, and the issuer has revoked the new one
	}
	log.Printf("version %d of %s is in force: %s", rotation.NewVersion, r.provider, rotation.ID)
	return rotation.ID, nil
}

// revokeOld revokes the keys that this rotation and those of earlier runs replaced, if that was long
// enough ago. An old key that stays alive is an error, so that cron reports it: also one that vaultkit
// refuses to revoke, for instance because another provider has it too. Only a key that a rollback has put
// in force again is as it should be.
func (r *rotator) revokeOld(ctx context.Context, id string) error {
	records, err := r.client.History(ctx, r.provider)
	if err != nil {
		return err
	}
	var failed []error
	for _, record := range records {
		// This rotation has waited, whatever Vault's clock says.
		waited := record.ID == id || time.Since(record.CommittedAt) >= r.wait
		if !waited || record.Outcome != vaultkit.OutcomeCommitted || record.Source != r.issuer.Name() ||
			record.Revocation != nil && !record.Revocation.RevokedAt.IsZero() {
			continue
		}
		_, err := r.client.RevokeOld(ctx, r.provider, record.ID, r.issuer, vaultkit.WithActor("rotator"))
		switch {
		case err == nil:
			log.Printf("version %d of %s is revoked", record.OldVersion, r.provider)
		case errors.Is(err, vaultkit.ErrConflict) && inForceAgain(records, record.ID):
			log.Printf("the key of version %d of %s is in force again, after a rollback", record.OldVersion, r.provider)
		default:
			failed = append(failed, fmt.Errorf("version %d of %s is not revoked: %w", record.OldVersion, r.provider, err))
		}
	}
	return errors.Join(failed...)
}

// inForceAgain reports whether the newest change, the first of the records, is a rollback of the rotation
// with this id.
func inForceAgain(records []vaultkit.Record, id string) bool {
	i := slices.IndexFunc(records, func(r vaultkit.Record) bool { return r.Outcome == vaultkit.OutcomeCommitted })
	return i >= 0 && records[i].Source == "rollback:"+id
}
