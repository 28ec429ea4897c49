package importkeys

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/namelist"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// The outcomes for a provider.
const (
	outcomeCreated      = "created"
	outcomeRotated      = "rotated"
	outcomeUnchanged    = "unchanged"
	outcomeSkipped      = "skipped"
	outcomeNotWritten   = "not_written"
	outcomeUndetermined = "undetermined"
)

// Summary is what was done, or would be done, as --json prints it.
type Summary struct {
	DryRun      bool       `json:"dry_run"`
	Providers   []Provider `json:"providers"`
	NotImported []leftOut  `json:"not_imported"`
}

// Provider is one provider of a Summary.
type Provider struct {
	Provider string  `json:"provider"`
	Fields   []Field `json:"fields"`
	Action   string  `json:"action"`  // what the plan says
	Reason   string  `json:"reason"`  // of the action
	Outcome  string  `json:"outcome"` // not_written in a dry run, and after a refusal
	Version  int     `json:"version"` // 0: unknown, or nothing was written
	ID       string  `json:"id"`      // of the rotation
	Error    *string `json:"error"`   // null: none
	ExitCode int     `json:"exit_code"`
	err      error
}

// Field is a field of a provider, and the variable that it comes from.
type Field struct {
	Field string `json:"field"`
	From  string `json:"from"`
}

// planned returns the summary of a plan of which nothing is carried out.
func (o *Options) planned(steps []*step, rest []leftOut) *Summary {
	summary := &Summary{DryRun: o.DryRun, Providers: []Provider{}, NotImported: render.OrEmpty(rest)}
	for _, s := range steps {
		one := Provider{Provider: s.provider, Action: s.action, Reason: s.reason, Outcome: outcomeNotWritten}
		for _, field := range s.keys.Fields() {
			one.Fields = append(one.Fields, Field{field, s.from[field]})
		}
		summary.Providers = append(summary.Providers, one)
	}
	return summary
}

// finish sets the result of a provider.
func (p *Provider) finish(r result) {
	p.Outcome, p.Version, p.ID, p.err, p.ExitCode = r.outcome, r.version, r.id, r.err, exitcode.Of(r.err)
	if r.err != nil {
		text := exitcode.Text(r.err)
		p.Error = &text
	}
}

// done says what is in Vault, for an error of printing.
func (s *Summary) done() string {
	var names []string
	for _, p := range s.Providers {
		if p.Outcome == outcomeCreated || p.Outcome == outcomeRotated {
			names = append(names, p.Provider)
		}
	}
	if len(names) == 0 {
		return "nothing was imported"
	}
	return "imported: " + strings.Join(names, ", ")
}

func (o *Options) printPlan(summary *Summary) error {
	if o.Print.JSON {
		return o.Print.Value(summary)
	}
	if err := o.showPlan(o.IO.Out, summary); err != nil || !o.DryRun {
		return err
	}
	fmt.Fprintln(o.IO.Err, "Dry run, nothing was written.")
	return nil
}

// showPlan prints the place of every variable, without a value.
func (o *Options) showPlan(out io.Writer, summary *Summary) error {
	table := terminal.NewTable(out, "", "FROM", "PROVIDER", "FIELD", "ACTION", "REASON")
	table.Shrink(map[string]int{"REASON": 20})
	for _, p := range summary.Providers {
		for _, field := range p.Fields {
			table.Row(field.From, p.Provider, field.Field, p.Action, p.Reason)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	o.noteRest(summary)
	return nil
}

// printSummary prints the outcome for every provider.
func (o *Options) printSummary(summary *Summary) error {
	if o.Print.JSON {
		return o.Print.Value(summary)
	}
	table := o.Print.Table("", "PROVIDER", "OUTCOME", "VERSION", "FIELDS", "ERROR")
	for _, p := range summary.Providers {
		var fields []string
		for _, field := range p.Fields {
			fields = append(fields, field.Field)
		}
		version, failed := "", ""
		if p.Version > 0 {
			version = strconv.Itoa(p.Version)
		}
		if p.Error != nil {
			failed = *p.Error
		}
		table.Row(p.Provider, p.Outcome, version, strings.Join(fields, ","), failed)
	}
	if o.Yes { // nobody has seen the plan
		o.noteRest(summary)
	}
	return table.Flush()
}

// noteRest lists what is not imported, by reason.
func (o *Options) noteRest(summary *Summary) {
	var reasons []string
	unmapped := false
	names := make(map[string][]string)
	for _, one := range summary.NotImported {
		if names[one.Reason] == nil {
			reasons = append(reasons, one.Reason)
		}
		names[one.Reason] = append(names[one.Reason], one.Name)
		unmapped = unmapped || one.unmapped()
	}
	for _, reason := range reasons {
		fmt.Fprintln(o.IO.Err, terminal.Printable(fmt.Sprintf("Not imported, because %s: %s", reason, namelist.First(names[reason], mostNames))))
	}
	if unmapped {
		fmt.Fprintln(o.IO.Err, "To import one, add --map NAME=PROVIDER/FIELD.")
	}
}
