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

// Attribution is what a record says about who did something, and why.
type Attribution struct{ Actor, Reason string }

// AddFlags adds the flags --actor and --reason.
func (a *Attribution) AddFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.Actor, "actor", "", actorHelp)
	cmd.Flags().StringVar(&a.Reason, "reason", "", "`why`, for the audit record")
}

// Complete fills in who it is, where that is not given.
func (a *Attribution) Complete(cmd *cobra.Command) {
	if !cmd.Flags().Changed("actor") {
		a.Actor = DefaultActor()
	}
}

// Options are the options of a rotation or rollback.
func (a *Attribution) Options() []vaultkit.RotateOption {
	return []vaultkit.RotateOption{vaultkit.WithActor(a.Actor), vaultkit.WithReason(a.Reason)}
}

// actorHelp describes DefaultActor for the flag.
const actorHelp = "`who` does this, for the audit record (default: $GITHUB_ACTOR, $GITLAB_USER_LOGIN, $CIRCLE_USERNAME, " +
	"$BUILD_REQUESTEDFOR or $BUILDKITE_BUILD_CREATOR if set, else user@host)"

// maxText is the longest actor that a record takes, in bytes.
const maxText = 512

// DefaultActor returns who runs this: the person a CI system names, or user@host.
// It always finds something that a record takes.
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

// storable leaves out what a record cannot hold.
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
