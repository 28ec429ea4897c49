package flaggroup

import (
	"testing"

	"github.com/spf13/pflag"
)

func TestUsages_ListsGroupsInTheOrderOfTheirFlags(t *testing.T) {
	t.Parallel()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.SortFlags = false
	for _, name := range []string{"zone", "token", "alias", "address", "role"} {
		flags.Bool(name, false, "the "+name)
	}
	Set(flags, "Login", "token", "role")
	Set(flags, "Connection", "address")
	const want = `Flags:
      --zone    the zone
      --alias   the alias

Login:
      --token   the token
      --role    the role

Connection:
      --address   the address`
	if got := Usages(flags); got != want {
		t.Errorf("Usages() =\n%s\nwant\n%s", got, want)
	}
}

func TestUsages_OmitsAnEmptyGroup(t *testing.T) {
	t.Parallel()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.Bool("token", false, "the token")
	Set(flags, "Login", "token")
	if got, want := Usages(flags), "Login:\n      --token   the token"; got != want {
		t.Errorf("Usages() = %q, want %q", got, want)
	}
}

func TestSet_PanicsOnAnUnknownFlag(t *testing.T) {
	t.Parallel()
	defer func() {
		if got := recover(); got == nil {
			t.Error("Set() of an unknown flag returned, want a panic")
		}
	}()
	Set(pflag.NewFlagSet("", pflag.ContinueOnError), "Login", "token")
}
