package setup

import (
	"context"
	"slices"

	"github.com/hashicorp/vault/api"
)

// Action is what a step does.
type Action string

// The actions.
const (
	Create  Action = "create"  // there is none
	Restore Action = "restore" // there is one that is not as it should be
	Replace Action = "replace" // there is one for somebody else, and the flags say to take it
	Keep    Action = "keep"    // nothing
)

// State says how far a step is.
type State string

// The states.
const (
	Planned State = "planned"
	Done    State = "done"
	Failed  State = "failed"
)

// Step is one thing that a Vault must have, and what it takes.
type Step struct {
	Action  Action   `json:"action"`
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	Path    string   `json:"path"`
	Diff    []string `json:"diff"`
	Note    string   `json:"note,omitempty"`
	Command string   `json:"command,omitempty"` // the equivalent vault command
	State   State    `json:"state,omitempty"`

	apply func(context.Context) error
	needs right
}

// String returns what the step is about.
func (s *Step) String() string { return s.Kind + " " + s.Name }

// Plan is what it takes to make a Vault as it should be.
type Plan struct {
	Steps       []*Step
	Credentials []*Credentials // of Apply
}

// Changes returns the steps that change something.
func (p *Plan) Changes() (steps []*Step) {
	for _, step := range p.Steps {
		if step.Action != Keep {
			steps = append(steps, step)
		}
	}
	return steps
}

// Same reports whether two plans change the same.
func (p *Plan) Same(other *Plan) bool {
	return slices.EqualFunc(p.Changes(), other.Changes(), func(a, b *Step) bool {
		return a.Action == b.Action && a.Path == b.Path && slices.Equal(a.Diff, b.Diff)
	})
}

// Make reads what is there and returns a plan. It changes nothing. An error names each right that
// the token lacks for the plan.
func Make(ctx context.Context, client *api.Client, spec *Spec) (*Plan, error) {
	objects := spec.objects()
	rights, err := askRights(ctx, &server{client: client}, objects)
	if err != nil {
		return nil, err
	}
	if err := rights.check(readRights(objects)); err != nil {
		return nil, err
	}
	server, err := open(ctx, client)
	if err != nil {
		return nil, err
	}
	plan := &Plan{}
	for _, o := range objects {
		step, err := o.plan(ctx, server)
		if err != nil {
			return nil, err
		}
		plan.Steps = append(plan.Steps, step)
	}
	plan.addSecretIDs(spec, server)
	return plan, rights.check(plan.writeRights())
}

// plan compares what Vault has with what it must have.
func (o *object) plan(ctx context.Context, server *server) (*Step, error) {
	current, err := o.read(ctx, server)
	if err != nil {
		return nil, err
	}
	step := &Step{Kind: o.kind, Name: o.name, Path: o.path}
	if step.Action, step.Note, err = o.action(current); err != nil {
		return nil, err
	}
	switch step.Action {
	case Keep:
		step.Diff = []string{}
		return step, nil
	case Create:
		step.Diff = added(o.fields)
	default:
		step.Diff = changed(append(o.differing(current), o.hidden()...), current)
	}
	step.State, step.Command, step.needs = Planned, o.vaultCommand(), o.writeRight(step.Action)
	step.apply = func(ctx context.Context) error { return server.write(ctx, o, step.needs.capability) }
	return step, nil
}

// addSecretIDs adds the secret ids of new AppRoles, and of all if that is asked for.
func (p *Plan) addSecretIDs(spec *Spec, server *server) {
	for _, step := range p.Steps {
		if step.Kind != appRoleKind || step.Action != Create && !spec.AppRoles.NewSecretID {
			continue
		}
		name, path := step.Name, step.Path
		p.Steps = append(p.Steps, &Step{
			Action: Create, Kind: secretIDKind, Name: name, Path: path + "/secret-id", State: Planned,
			Diff:    []string{line('+', "wrapped for", shortDuration(spec.AppRoles.WrapTTL))},
			Command: secretIDCommand(path, spec.AppRoles.WrapTTL),
			needs:   right{path: path + "/secret-id", capability: "update"},
			apply: func(ctx context.Context) error {
				made, err := spec.AppRoles.credentials(ctx, server, name)
				if made != nil {
					p.Credentials = append(p.Credentials, made)
				}
				return err
			},
		})
	}
}

const secretIDKind = "secret id of the AppRole"
