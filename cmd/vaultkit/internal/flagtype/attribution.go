package flagtype

import (
	"cmp"
	"os"
	"os/user"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
)

// Attribution is who does something and why, for the audit record.
type Attribution struct{ Actor, Reason string }

// AddFlags adds the flags --actor and --reason.
func (a *Attribution) AddFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.Actor, "actor", "", actorHelp)
	cmd.Flags().StringVar(&a.Reason, "reason", "", "`why`, for the audit record (default: no reason)")
}

// Complete sets the actor if the flag is not given.
func (a *Attribution) Complete(cmd *cobra.Command) {
	if !cmd.Flags().Changed("actor") {
		a.Actor = DefaultActor()
	}
}

// Options returns the options for the audit record.
func (a *Attribution) Options() (actor, reason vaultkit.AuditOption) {
	return vaultkit.WithActor(a.Actor), vaultkit.WithReason(a.Reason)
}

// actorHelp is the description of --actor.
const actorHelp = "`who` does this, for the audit record (default: $GITHUB_ACTOR, $GITLAB_USER_LOGIN, $CIRCLE_USERNAME, " +
	"$BUILD_REQUESTEDFOR or $BUILDKITE_BUILD_CREATOR if set, else user@host)"

// maxText is the longest actor that a record accepts, in bytes.
const maxText = 512

// DefaultActor returns who runs the program: the person that a CI system names, or
// user@host. A record always accepts it.
func DefaultActor() string {
	for _, variable := range []string{"GITHUB_ACTOR", "GITLAB_USER_LOGIN", "CIRCLE_USERNAME", "BUILD_REQUESTEDFOR", "BUILDKITE_BUILD_CREATOR"} {
		if name := storable(os.Getenv(variable)); name != "" {
			return name
		}
	}
	name := cmp.Or(os.Getenv("USER"), os.Getenv("LOGNAME"), os.Getenv("USERNAME"))
	if me, err := user.Current(); name == "" && err == nil {
		name = me.Username
	}
	host, _ := os.Hostname() // without one: no host
	return storable(cmp.Or(name, "unknown") + "@" + cmp.Or(host, "unknown"))
}

// storable returns the text without what a record cannot contain.
func storable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	for len(text) > maxText {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}
