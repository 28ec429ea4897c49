package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/sandbox"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// output prints the text of the demo and keeps the first error.
type output struct {
	out io.Writer
	err error
}

func (o *output) say(format string, args ...any) {
	_, err := fmt.Fprintf(o.out, format+"\n", args...)
	o.err = cmp.Or(o.err, err)
}

// show prints a table below a line of text. It is always aligned: the demo is read by
// people.
func (o *output) show(headings []string, rows ...[]string) {
	t := terminal.NewAligned(o.out, "   ", headings...)
	for _, row := range rows {
		t.Row(row...)
	}
	o.err = cmp.Or(o.err, t.Flush())
}

func (d *demo) storeKey(ctx context.Context) error {
	keys := vaultkit.ProviderKeys{"api_key": sandbox.OldKey, "organization": "org-demo"}
	version, err := d.client.PutProviderKeys(ctx, sandbox.Provider, keys)
	if err != nil {
		return err
	}
	d.say("Each provider is one secret in Vault, with as many fields as it needs.\n")
	d.show(nil,
		[]string{"command", "vaultkit put " + sandbox.Provider + " api_key=- organization=@org.txt"},
		[]string{"Vault path", basePath + "providers/" + sandbox.Provider},
		[]string{"version", strconv.Itoa(version)},
		[]string{"api_key", sandbox.OldKey},
		[]string{"organization", "org-demo"})
	return nil
}

func (d *demo) readKey(ctx context.Context) error {
	key, err := d.client.GetAPIKey(ctx, sandbox.Provider)
	if err != nil {
		return err
	}
	d.say("A service only needs the name of the provider.\n")
	d.show(nil,
		[]string{"in Go", `key, err := client.GetAPIKey(ctx, "` + sandbox.Provider + `")`},
		[]string{"command", "vaultkit get " + sandbox.Provider},
		[]string{"output", key})
	return nil
}

func (d *demo) rotateKey(ctx context.Context) error {
	rotation, err := d.client.Rotate(ctx, sandbox.Provider, vaultkit.NewKey(newKey), vaultkit.WithActor("you@demo"),
		vaultkit.WithReason("quarterly"), vaultkit.WithExpiresAt(time.Now().AddDate(0, 0, 90)))
	if err != nil {
		return err
	}
	keys, err := d.client.GetProviderKeys(ctx, sandbox.Provider)
	if err != nil {
		return err
	}
	d.say("The provider has issued a new key. vaultkit first backs up the old key, then writes\n" +
		"the new one only if nobody has changed the secret in between, then writes an audit\n" +
		"record.\n")
	d.show(nil,
		[]string{"command", "vaultkit rotate " + sandbox.Provider + " --new-key-stdin --reason quarterly --expires-in 90d"},
		[]string{"version", render.Versions(rotation.Record)},
		[]string{"api_key", keys.APIKey()},
		[]string{"organization", keys["organization"] + " (not touched)"})
	return nil
}

func (d *demo) showRecord(ctx context.Context) error {
	backups, err := d.client.Backups(ctx, sandbox.Provider)
	if err != nil {
		return err
	}
	history, err := d.client.History(ctx, sandbox.Provider)
	if err != nil {
		return err
	}
	if len(backups) != 1 || len(history) != 1 {
		return fmt.Errorf("got %d backups and %d records, want 1 and 1", len(backups), len(history))
	}
	d.say("The backup and the record have the same id: since when the old secret was in force,\n" +
		"its version, and a fingerprint of the change.\n")
	record := history[0]
	d.show(nil,
		[]string{"id", record.ID},
		[]string{"backup", basePath + "backups/" + sandbox.Provider + "/<id>"},
		[]string{"record", basePath + "rotations/" + sandbox.Provider + "/<id>"})
	d.say("\nThe record never changes, and contains no key:\n")
	d.show(nil,
		[]string{"outcome", string(record.Outcome) + ", " + record.Evidence + " by Vault"},
		[]string{"version", render.Versions(record)},
		[]string{"fields changed", strings.Join(record.FieldsChanged, ", ")},
		[]string{"who", record.Actor},
		[]string{"why", record.Reason},
		[]string{"committed at", render.When(record.CommittedAt)},
		[]string{"key expires at", render.When(record.ExpiresAt)})
	return nil
}

func (d *demo) crashAndRecover(ctx context.Context) error {
	if err := d.rotateAndCrash(ctx); err != nil {
		return err
	}
	fresh, err := d.open(ctx)
	if err != nil {
		return err
	}
	err = d.recoverCrash(ctx, fresh)
	return errors.Join(err, fresh.Close())
}

// rotateAndCrash rotates with a program that crashes just after Vault has applied the
// commit.
func (d *demo) rotateAndCrash(ctx context.Context) error {
	programCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	program, err := d.open(ctx, vaultkit.WithTransport(func(next http.RoundTripper) http.RoundTripper {
		return &crash{RoundTripper: next, cancel: cancel}
	}))
	if err != nil {
		return err
	}
	_, err = program.Rotate(programCtx, sandbox.Provider, vaultkit.NewKey(newerKey),
		vaultkit.WithActor("ci@demo"), vaultkit.WithReason("key leaked"))
	if closeErr := program.Close(); closeErr != nil {
		return closeErr
	}
	failure, ok := errors.AsType[*vaultkit.Error](err)
	if !ok || !errors.Is(err, vaultkit.ErrUndetermined) || ctx.Err() != nil {
		return fmt.Errorf("the rotation did not crash as planned: %w", cmp.Or(err, ctx.Err(), errors.New("success")))
	}
	d.crashed = failure.ID
	d.say("A second program rotates the key again. Vault stores the new key, but the program\n" +
		"crashes before it receives the response. So it reports that the result is unknown:\n")
	d.show(nil,
		[]string{"error", "ErrUndetermined (the vaultkit command exits with 8)"},
		[]string{"id", d.crashed})
	return nil
}

// recoverCrash shows what the crash left in Vault, and recovers.
func (d *demo) recoverCrash(ctx context.Context, fresh *vaultkit.Client) error {
	key, err := fresh.GetAPIKey(ctx, sandbox.Provider)
	if err != nil {
		return err
	}
	backups, err := fresh.Backups(ctx, sandbox.Provider)
	if err != nil {
		return err
	}
	before, err := fresh.History(ctx, sandbox.Provider)
	if err != nil {
		return err
	}
	d.say("\nWhat Vault holds now:\n")
	d.show(nil,
		[]string{"api_key", key},
		[]string{"backups", fmt.Sprintf("%d, the crashed rotation's included", len(backups))},
		[]string{"audit records", fmt.Sprintf("%d: the crashed rotation has none", len(before))})
	found, err := fresh.Recover(ctx, sandbox.Provider)
	if err != nil {
		return err
	}
	if len(found) != 1 || found[0].ID != d.crashed || found[0].Outcome != vaultkit.OutcomeCommitted {
		return fmt.Errorf("recover returned %+v, not the one rotation that crashed, as committed", found)
	}
	d.say("\nAnother program, or the same one after a restart, finds out what happened and writes\n" +
		"the record. No key is rotated twice, and no key is lost:\n")
	d.show(nil,
		[]string{"command", "vaultkit recover " + sandbox.Provider},
		[]string{"outcome", string(found[0].Outcome) + ", " + found[0].Evidence + " from what Vault holds"})
	d.say("")
	return d.showRecords(ctx, fresh)
}

func (d *demo) rollBack(ctx context.Context) error {
	rotation, err := d.client.Rollback(ctx, sandbox.Provider, d.crashed,
		vaultkit.WithActor("you@demo"), vaultkit.WithReason("new key is rejected"))
	if err != nil {
		return err
	}
	key, err := d.client.GetAPIKey(ctx, sandbox.Provider)
	if err != nil {
		return err
	}
	d.say("The newest key does not work. A rollback restores the key before it from the backup.\n" +
		"It is a rotation too: the key that it replaces is backed up, and it has a record.\n")
	d.show(nil,
		[]string{"command", "vaultkit rollback " + sandbox.Provider},
		[]string{"version", render.Versions(rotation.Record)},
		[]string{"api_key", key})
	d.say("\nThe whole history (vaultkit history %s), newest first:\n", sandbox.Provider)
	return d.showRecords(ctx, d.client)
}

// showRecords prints the history in a table that fits a terminal.
func (d *demo) showRecords(ctx context.Context, client *vaultkit.Client) error {
	records, err := client.History(ctx, sandbox.Provider)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, r := range records {
		rows = append(rows, []string{render.Versions(r), string(r.Outcome), r.Evidence, r.Actor, r.Reason, render.When(r.CommittedAt)})
	}
	d.show([]string{"VERSION", "OUTCOME", "EVIDENCE", "WHO", "WHY", "WHEN"}, rows...)
	return nil
}
