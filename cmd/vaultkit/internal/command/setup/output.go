package setup

import (
	"fmt"
	"io"
	"strings"

	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/setup"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// Result is what the command prints as JSON.
type Result struct {
	Changed     bool                 `json:"changed"`
	DryRun      bool                 `json:"dry_run"`
	Steps       []*setup.Step        `json:"steps"`
	Credentials []*setup.Credentials `json:"credentials"`
}

// output prints a plan.
type output struct {
	*Options
	address, namespace string
	plan               *setup.Plan
	shown              bool // the plan is on the terminal
}

func (o *output) result(changed bool) Result {
	return Result{Changed: changed, DryRun: o.DryRun, Steps: o.plan.Steps, Credentials: render.OrEmpty(o.plan.Credentials)}
}

// unchanged prints the plan of a run that changes nothing.
func (o *output) unchanged() error {
	if o.Print.JSON {
		return o.Print.Value(o.result(false))
	}
	o.printPlan(o.IO.Out)
	changes := o.plan.Changes()
	if len(changes) == 0 {
		fmt.Fprintln(o.IO.Out, o.nothingToChange())
		return o.IO.Out.Failed()
	}
	fmt.Fprintln(o.IO.Out, "Dry run, nothing was changed. These commands do the same:")
	o.printCommands(changes)
	return o.IO.Out.Failed()
}

// nothingToChange returns the last line of a run that changes nothing. A note is a difference in a
// mount, which setup leaves because others may use the mount.
func (o *output) nothingToChange() string {
	for _, step := range o.plan.Steps {
		if step.Note != "" {
			return "Nothing to change. setup leaves the differences in the notes as they are."
		}
	}
	return "Nothing to change: everything is as it should be."
}

// applied prints what was done, and how to log in.
func (o *output) applied() error {
	done := 0
	for _, step := range o.plan.Changes() {
		if step.State == setup.Done {
			done++
		}
	}
	if o.Print.JSON {
		return o.Print.Value(o.result(done > 0))
	}
	if !o.shown {
		o.printPlan(o.IO.Out)
	}
	fmt.Fprintf(o.IO.Out, "Changes made: %d of %d.\n", done, len(o.plan.Changes()))
	o.printLogins()
	for _, made := range o.plan.Credentials {
		o.printCredentials(made)
	}
	return o.IO.Out.Failed()
}

// printLogins prints the variables of the logins that need no secret from here. Without VAULTKIT_AUTH,
// the administrator's VAULT_TOKEN would log in.
func (o *output) printLogins() {
	logins := map[string]string{setup.KubernetesRole: "kubernetes", setup.JWTRole: "jwt"}
	for _, step := range o.plan.Changes() {
		mount, _, isRole := strings.Cut(strings.TrimPrefix(step.Path, "auth/"), "/role/")
		if login := logins[step.Kind]; login != "" && isRole && step.State == setup.Done {
			prefix := "VAULTKIT_" + strings.ToUpper(login)
			fmt.Fprintf(o.IO.Out, "To log in as %s: VAULTKIT_AUTH=%s %s_ROLE=%s %s_MOUNT=%s\n",
				step.Name, login, prefix, step.Name, prefix, terminal.ShellWord(mount))
		}
	}
}

// labels are the printed actions.
var labels = map[setup.Action]string{setup.Create: "create", setup.Restore: "restore", setup.Replace: "replace", setup.Keep: "as it is"}

// printPlan prints each step, with the diff of what changes. Notes may contain what Vault said.
func (o *output) printPlan(out io.Writer) {
	o.shown = true
	for _, step := range o.plan.Steps {
		fmt.Fprintf(out, "%-8s  %s\n", labels[step.Action], step)
		for _, line := range step.Diff {
			fmt.Fprintln(out, "            "+line)
		}
		if step.Note != "" {
			fmt.Fprintln(out, "            note: "+terminal.Printable(step.Note))
		}
	}
}

// printCommands prints the vault commands for the changes, to be run with an administrator's token.
func (o *output) printCommands(changes []*setup.Step) {
	fmt.Fprintln(o.IO.Out, "\nexport VAULT_ADDR="+terminal.ShellWord(o.address))
	if o.namespace != "" {
		fmt.Fprintln(o.IO.Out, "export VAULT_NAMESPACE="+terminal.ShellWord(o.namespace))
	}
	for _, step := range changes {
		fmt.Fprintln(o.IO.Out, step.Command)
	}
}

// printCredentials prints how to log in as an AppRole.
func (o *output) printCredentials(c *setup.Credentials) {
	lines := []string{"", fmt.Sprintf("To log in as %s, until %s, set:", c.AppRole, render.When(c.ExpiresAt)),
		"  export VAULTKIT_AUTH=approle",
		"  export VAULT_ROLE_ID=" + terminal.ShellWord(c.RoleID),
		"  export VAULTKIT_WRAPPED_SECRET_ID=" + terminal.ShellWord(c.WrappedSecretID)}
	if c.Path != defaultAppRolePath {
		lines = append(lines, "  export VAULTKIT_APPROLE_MOUNT="+terminal.ShellWord(c.Path))
	}
	lines = append(lines, "The first command that logs in uses up the secret id, even list or --dry-run. "+
		"For another one, run the same setup with --new-secret-id.")
	fmt.Fprintln(o.IO.Out, strings.Join(lines, "\n"))
}
