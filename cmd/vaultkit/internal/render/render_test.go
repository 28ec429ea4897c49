package render

import (
	"slices"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// printer returns a Printer and what it prints.
func printer() (p *Printer, out, errs *strings.Builder) {
	out, errs = &strings.Builder{}, &strings.Builder{}
	return New(terminal.New(terminal.Streams{Out: out, Err: errs})), out, errs
}

func TestHistory_ShowsRevocations(t *testing.T) {
	t.Parallel()
	p, out, _ := printer()
	err := p.History("p", []vaultkit.Record{
		{ID: "one", Revocation: &vaultkit.Revocation{RevokedAt: time.Unix(0, 0)}}, {ID: "two", Revocation: &vaultkit.Revocation{}}, {ID: "three"},
	})
	if err != nil {
		t.Fatalf("History() = %v, want no error", err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		cells := strings.Split(line, "\t")
		got = append(got, cells[len(cells)-2])
	}
	if want := []string{"1970-01-01 00:00:00Z", "yes", "-"}; !slices.Equal(got, want) {
		t.Errorf("History(): column REVOKED = %q, want %q, in:\n%s", got, want, out)
	}
}

// Warnings and undecided rotations go to stderr, not to the data on stdout.
func TestRotated_WarnsOnStderr(t *testing.T) {
	t.Parallel()
	p, out, errs := printer()
	err := p.Rotated("Rotated", &vaultkit.Rotation{
		Record:  vaultkit.Record{Provider: "p", ID: "the-id", OldVersion: 1, NewVersion: 2},
		Pending: []string{"other-id"}, Warnings: []string{"the tag is missing"},
	})
	if err != nil {
		t.Fatalf("Rotated() = %v, want no error", err)
	}
	for _, want := range []string{"the-id", "1 -> 2"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("Rotated() prints %q, want %q in it", out, want)
		}
	}
	for _, want := range []string{"warning: the tag is missing\n", "run vaultkit recover p: other-id\n"} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("Rotated() warns %q, want %q in it", errs, want)
		}
	}
}
