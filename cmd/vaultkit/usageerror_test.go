package main

import (
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

func TestUsageErrors_ArePlainEnglish(t *testing.T) {
	t.Parallel()
	for call, says := range map[string]string{
		"get":                        "get needs one PROVIDER\n",
		"get a b":                    "get takes one PROVIDER and nothing else\n",
		"put a":                      "put needs one PROVIDER and at least one FIELD=@file\n",
		"abort a":                    "abort needs one PROVIDER and one ID\n",
		"abort a b c":                "abort takes one PROVIDER and one ID and nothing else\n",
		"backups":                    "backups needs one PROVIDER\n",
		"backups a prune c":          "too many arguments for backups\n",
		"list a":                     "list takes no arguments\n",
		"bogus":                      "there is no command \"bogus\"\n",
		"rotat a":                    "there is no command \"rotat\"; did you mean rotate?\n",
		"--timeout soon rotat":       "there is no command \"rotat\"; did you mean rotate?\n",
		"--bogus x rotat":            "there is no command \"rotat\"; did you mean rotate?\n",
		"--bogus x":                  "argument 1 is a flag that vaultkit does not have\n",
		"rotat --bogus --help":       "there is no command \"rotat\"; did you mean rotate?\n",
		"--bogus --timeout 3s":       "there is no such command\n",
		"completion bash x":          "bash takes no arguments\n",
		"--address http://a rotat":   "there is no command \"rotat\"; did you mean rotate?\n",
		"Bogus1":                     "there is no such command\n",
		"completion bogus":           "there is no command \"bogus\"\n",
		"help bogus":                 "there is no command \"bogus\"\n",
		"get a --feild b":            "argument 3 is a flag that get does not have; did you mean --field?\n",
		"get --new-key-stdin a":      "argument 2 is a flag that get does not have\n",
		"get a --moun=b":             "argument 3 is a flag that get does not have; did you mean --mount?\n",
		"get a -xyz":                 "argument 3 is a flag that get does not have\n",
		"get a --=b":                 "argument 3 is a flag that get does not have\n",
		"--bogus":                    "argument 1 is a flag that vaultkit does not have\n",
		"get a --field":              "--field needs a value\n",
		"get a --timeout 3":          "--timeout: add a unit to the number, such as 30s, 12h or 90d; the units are w, d, h, m and s\n",
		"get a --timeout soon":       "--timeout: give a time such as 90d, 2w, 1d12h or 30s; the units are w, d, h, m and s\n",
		"get a --json=yes,please":    "--json takes no value\n",
		"dev --port x":               "--port must be a whole number\n",
		"rotate a":                   "rotate needs one of --new-key, --new-key-file, --new-key-stdin, --new-key-env, --set or --auto\n",
		"rotate a --auto --new-key=": "give one of --auto and --new-key, not several\n",
		"revoke-old a b":             "revoke-old needs --cmd\n",
	} {
		vkBare(t.Context(), t, "", strings.Fields(call)...).want(t, exitcode.Usage, "vaultkit: "+says, "Usage: vaultkit")
	}
}

// An error does not repeat a key in the wrong place. vkBare checks the output for keys.
func TestUsageErrors_RepeatNoKey(t *testing.T) {
	t.Parallel()
	key := newKey()
	root := newCLI(terminal.Streams{}).root()
	calls := [][]string{{key}, {"--" + key}, {"-" + key}, {"help", key}, {"completion", key}, {"completion", "bash", key}}
	for _, cmd := range root.Commands() {
		for _, args := range [][]string{
			{"--" + key}, {"--" + key + "=x"}, {"-" + key}, {"--=" + key}, {"--json=" + key}, {"--timeout", key}, {"--timeout=" + key},
			{"--auth", key}, {"p", key, key, key}, {"p", "q", key, key, key}, {"--port", key}, {"--keep", key}, {"--parallel", key},
			{"--older-than", key}, {"--expires-in", key}, {"--max-age", key}, {"p", "--new-key", key, "--new-key-env", key}, {"p", key,
				"--json=" + key},
		} {
			calls = append(calls, append([]string{cmd.Name()}, args...))
		}
	}
	for _, args := range calls {
		// No call should reach Vault. If one does, no server is there.
		vkBare(t.Context(), t, "", append([]string{"--address", "http://127.0.0.1:1"}, append(args, "--timeout", "1ns")...)...)
	}
}
