package rotate_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/command/rotate"
	"goblin/vaultkit/cmd/vaultkit/internal/commandtest"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

func parse(t *testing.T, line string) (*rotate.Options, error) {
	t.Helper()
	return commandtest.Parse(t, rotate.NewCommand, command.New(terminal.Streams{}), line)
}

func TestNewCommand_ParsesWithoutRunning(t *testing.T) {
	t.Parallel()
	got, err := parse(t, "p --new-key-env KEY --field token --expires-in 1w --actor me --reason why --verify-cmd true --dry-run")
	if err != nil || got == nil {
		t.Fatalf("rotate p: %v, run called: %t, want it called", err, got != nil)
	}
	got.Deps = command.Deps{}
	want := &rotate.Options{
		Attribution: flagtype.Attribution{Actor: "me", Reason: "why"}, Providers: []string{"p"}, NewKeyEnv: "KEY", Field: "token",
		ExpiresIn: flagtype.Duration(7 * 24 * time.Hour), VerifyCommand: "true", TryCommand: true, VerifyUnknown: "fail", DryRun: true, Parallel: got.Parallel,
		Set: got.Set,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("rotate p: Options =\n%+v, want\n%+v", got, want)
	}
}

func TestNewCommand_FindsTheProviders(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"p --auto": "p", "p --set b=@f --set api_key=@f --verify openai": "p", "--provider p --auto": "p", "p --provider p --auto": "p", "p q --auto": "p q", "--all --yes --auto": "",
	} {
		got, err := parse(t, line)
		if err != nil || got == nil {
			t.Errorf("rotate %s: %v, run called: %t, want it called", line, err, got != nil)
			continue
		}
		if names := strings.Join(got.Providers, " "); names != want {
			t.Errorf("rotate %s: Providers = %q, want %q", line, names, want)
		}
	}
}

func TestNewCommand_RefusesContradictions(t *testing.T) {
	t.Parallel()
	for line, says := range map[string]string{
		"--auto":                                       "no provider",
		"p --provider q --auto":                        "different providers",
		"p q --new-key-stdin":                          "several providers need --auto",
		"p q --provider r --auto":                      "without --provider",
		"p --all --auto --yes":                         "do not name providers too",
		"--all --auto":                                 "add --yes",
		"p q --auto --parallel 0":                      "at least 1",
		"p --auto --verify-cmd= --yes":                 "--verify-cmd is empty",
		"p q --auto --verify-cmd= --yes":               "--verify-cmd is empty",
		"p --auto --verify=":                           "no verifier has this name",
		"p --auto --verify nobody":                     "openai",
		"p --auto --verify http://example.com":         "plain text",
		"p --auto --verify-unknown warn":               "needs --verify",
		"p --auto --verify openai --verify-unknown no": "fail or warn",
		"p --auto --verify openai --verify-unknown=":   "fail or warn",
		"p --set token=@f --verify openai":             "--set does not replace it",
		"p --set api_key=@f --field b --verify openai": "--set does not replace it",
	} {
		got, err := parse(t, line)
		if got != nil || exitcode.Of(err) != exitcode.Usage || !strings.Contains(err.Error(), says) {
			t.Errorf("rotate %s: %v, run called: %t, want a usage error that says %q", line, err, got != nil, says)
		}
	}
}
