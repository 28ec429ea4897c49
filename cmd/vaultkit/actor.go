package main

import (
	"cmp"
	"os"
	"os/user"
	"strings"
	"unicode"
	"unicode/utf8"
)

// actorHelp describes defaultActor for the flag.
const actorHelp = "`who` does this, for the record (default: $GITHUB_ACTOR, $GITLAB_USER_LOGIN, $CIRCLE_USERNAME, " +
	"$BUILD_REQUESTEDFOR or $BUILDKITE_BUILD_CREATOR where set, else user@host)"

// maxActor is the longest actor a record takes, in bytes.
const maxActor = 512

// defaultActor says who runs this: the person a CI system names, or user@host.
// It always finds something that a record takes.
func defaultActor() string {
	for _, variable := range []string{"GITHUB_ACTOR", "GITLAB_USER_LOGIN", "CIRCLE_USERNAME", "BUILD_REQUESTEDFOR", "BUILDKITE_BUILD_CREATOR"} {
		if name := claimable(os.Getenv(variable)); name != "" {
			return name
		}
	}
	name := cmp.Or(os.Getenv("USER"), os.Getenv("LOGNAME"), os.Getenv("USERNAME"))
	if me, err := user.Current(); name == "" && err == nil {
		name = me.Username
	}
	host, _ := os.Hostname() // without one: no host
	return claimable(cmp.Or(name, "unknown") + "@" + cmp.Or(host, "unknown"))
}

// claimable leaves out what a record cannot hold.
func claimable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	for len(text) > maxActor {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}
