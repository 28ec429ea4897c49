package setup

import (
	"context"
	"slices"
	"strings"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// StoppedError says how far Apply came.
type StoppedError struct {
	Failed     string   // the step
	Done, Left []string // the other steps that change something
	Err        error
	SecretIDs  bool // secret ids are missing: a rerun does not make them unless it is told to
	Refused    bool // Vault does not accept what the step writes: a rerun fails, too
}

func (e *StoppedError) Error() string {
	text := "setup stopped at the " + e.Failed + ": " + exitcode.Text(e.Err)
	if len(e.Done) > 0 {
		text += "; done: " + strings.Join(e.Done, ", ")
	}
	if len(e.Left) > 0 {
		text += "; not done: " + strings.Join(e.Left, ", ")
	}
	return text
}

// Unwrap returns the error of the step.
func (e *StoppedError) Unwrap() error { return e.Err }

// Apply makes the changes of the plan in their order. The error of a step is a *StoppedError.
func (p *Plan) Apply(ctx context.Context) error {
	steps := p.Changes()
	for i, step := range steps {
		if err := step.apply(ctx); err != nil {
			step.State = Failed
			return stopped(steps, i, err)
		}
		step.State = Done
	}
	return nil
}

func stopped(steps []*Step, at int, err error) *StoppedError {
	isSecretID := func(step *Step) bool { return step.Kind == secretIDKind }
	return &StoppedError{Failed: steps[at].String(), Err: err, Done: names(steps[:at]), Left: names(steps[at+1:]),
		SecretIDs: slices.ContainsFunc(steps[at:], isSecretID), Refused: isBadRequest(err)}
}

func names(steps []*Step) (list []string) {
	for _, step := range steps {
		list = append(list, step.String())
	}
	return list
}
