package main

import (
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// Names and values that are not what they should be are refused before anything is sent.
func TestSetup_RefusesBadValues(t *testing.T) {
	t.Parallel()
	github, gitlab := "--github goblin/assistant --github-id 1 ", "--gitlab goblin/assistant --gitlab-id 1 "
	jwt := "--jwt reader --issuer https://ci.example.com --bound-claim a=b "
	for args, says := range map[string]string{
		"":                                                          "say what to make",
		"--dry-run":                                                 "say what to make",
		"--approle admin":                                           "the role is none of",
		"--approle rotater":                                         "Did you mean rotator?",
		"--policy reader --provider ../x":                           "provider name",
		"--policy reader --provider *":                              "provider name",
		"--policy reader --mount ../sys":                            "mount",
		"--policy reader --base a//b":                               "base path",
		"--approle reader --approle-path ../x":                      "--approle-path",
		"--approle reader --approle-path a/../b":                    "--approle-path",
		"--approle reader --wrap-ttl 100d":                          "--wrap-ttl",
		"--approle reader --wrap-ttl 1ms":                           "--wrap-ttl",
		"--kubernetes reader=goblin/*":                              "--kubernetes",
		"--kubernetes reader=*/assistant":                           "--kubernetes",
		"--kubernetes reader=assistant":                             "--kubernetes",
		"--kubernetes reader=a/b --kubernetes reader=c/d":           "two namespaces",
		"--kubernetes reader=a/b --kubernetes-host http://10.0.0.1": "--kubernetes-host",
		"--github goblin/assistant":                                 "--github needs --github-id",
		"--github goblin/* --github-id 1":                           "--github must be",
		"--github goblin/.. --github-id 1":                          "--github must be",
		"--github goblin/a --github-id 1*":                          "--github-id must be",
		github + "--branch *":                                       "--branch must be",
		github + "--branch=":                                        "--branch must be",
		github + "--branch a..b":                                    "--branch must be",
		github + "--environment prod*":                              "--environment must be",
		github + "--github-workflow ../x.yml":                       "--github-workflow must be",
		github + "--ci-role reader":                                 "--ci-role must be monitor, rotator or revoker",
		github + "--github-issuer http://evil.example.com":          "--github-issuer must be",
		github + "--github-issuer https://u:p@ci.example.com":       "--github-issuer must be",
		github + "--audience a,b":                                   "--audience must be",
		github + gitlab + "--issuer-key key.pem":                    "one issuer",
		github + "--github-path jwt-gitlab " + gitlab:               "different paths",
		gitlab + "--environment=":                                   "--environment",
		"--gitlab assistant --gitlab-id 1":                          "--gitlab must be",
		"--jwt reader --bound-claim a=b":                            "--jwt needs --issuer",
		"--jwt reader --issuer https://ci.example.com":              "--jwt needs --bound-claim",
		jwt + "--bound-claim a=b*":                                  "--bound-claim must be",
		jwt + "--bound-claim /a=b":                                  "--bound-claim must be",
		jwt + "--bound-claim a=":                                    "--bound-claim must be",
		jwt + "--user-claim a*":                                     "--user-claim must be",
		jwt + "--issuer ci.example.com":                             "--issuer must be",
		jwt + "--issuer-key nowhere.pem":                            "the file of --issuer-key cannot be read",
		"--policy reader --new-secret-id":                           "--new-secret-id is for --approle",
		"--policy reader --github-id 1":                             "--github-id is for --github",
		"--policy reader --audience other":                          "--audience is for",
		"--approle reader --approle-path a --kubernetes reader=a/b --kubernetes-path a/b": "must not be one below the other",
		"--policy reader --replace-role":           "--replace-role is for",
		"--kubernetes reader=a/b --replace-config": "--replace-config needs --kubernetes-host",
		"--kubernetes reader=a/b --audience -":     "--audience must be",
		"--kubernetes reader=a/b --audience \\@a":  "--audience must be",
		"--policy reader surplus":                  "takes no arguments",
	} {
		t.Run(args, func(t *testing.T) {
			r := vkBare(t.Context(), t, "", append([]string{"setup", "--address", "http://127.0.0.1:1", "--yes"}, strings.Fields(args)...)...)
			r.want(t, exitcode.Usage, says)
			if strings.Contains(r.err, "evil.example.com") || strings.Contains(r.err, "u:p") {
				t.Errorf("vaultkit %s prints %q, want no value of a flag in it", r.call, r.err)
			}
		})
	}
	for _, value := range []string{"a=b\x1b[31m", "a= b", "a=b\n"} {
		vkBare(t.Context(), t, "", append(strings.Fields("setup --address http://127.0.0.1:1 "+jwt), "--bound-claim", value)...).
			want(t, exitcode.Usage, "--bound-claim must be")
	}
	notPEM := file(t, canary)
	vkBare(t.Context(), t, "", append(strings.Fields("setup --address http://127.0.0.1:1 "+jwt), "--issuer-key", notPEM)...).
		want(t, exitcode.Usage, "has no PEM block PUBLIC KEY")
}
