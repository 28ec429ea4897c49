package render

import (
	"fmt"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// verdicts are the printed states.
var verdicts = map[vaultkit.FindingStatus]string{
	vaultkit.FindingOK: "ok", vaultkit.FindingSkipped: "skip", vaultkit.FindingWarning: "WARN", vaultkit.FindingFailed: "FAIL",
}

// urgency is the style of a state on a terminal.
var urgency = map[vaultkit.FindingStatus]terminal.Style{vaultkit.FindingWarning: terminal.Yellow, vaultkit.FindingFailed: terminal.Red}

// Finding prints a finding as text.
func (p *Printer) Finding(one vaultkit.Finding) {
	verdict := p.io.Out.Paint(urgency[one.Status], fmt.Sprintf("%-4s", verdicts[one.Status]))
	fmt.Fprintf(p.io.Out, "%s  %-14s  %s\n", verdict, one.Check, terminal.Cell(one.Detail))
	if one.Fix != "" {
		what := "fix"
		if one.LookOnly {
			what = "look"
		}
		fmt.Fprintf(p.io.Out, "      %s: %s\n", what, terminal.Cell(one.Fix))
	}
}
