package render

import (
	"fmt"

	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/doctor"
)

// labels are the printed states.
var labels = map[doctor.Status]string{
	doctor.OK: "ok", doctor.Skipped: "skip", doctor.Warning: "WARN", doctor.Failed: "FAIL",
}

// urgency is the style of a state on a terminal.
var urgency = map[doctor.Status]terminal.Style{doctor.Warning: terminal.Yellow, doctor.Failed: terminal.Red}

// Finding prints a finding as text.
func (p *Printer) Finding(one doctor.Finding) {
	label := p.io.Out.Paint(urgency[one.Status], fmt.Sprintf("%-4s", labels[one.Status]))
	fmt.Fprintf(p.io.Out, "%s  %-14s  %s\n", label, one.Check, terminal.Cell(one.Detail))
	if one.Fix != "" {
		what := "fix"
		if one.LookOnly {
			what = "look"
		}
		fmt.Fprintf(p.io.Out, "      %s: %s\n", what, terminal.Cell(one.Fix))
	}
}
