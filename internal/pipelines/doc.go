// Package pipelines has no code but its tests. They hold the files of
// testdata/pipelines to what they promise: the GitHub workflow is linted, the
// Kubernetes manifests are decoded strictly, and the shell of every step runs
// against a real Vault, with the roles that vault-setup.sh makes and nothing else.
//
// Two things stand in for what a test run cannot have. The pinned Vault server has
// no JWT auth method: a proxy in front of it adds the official plugin, which checks
// signatures, audiences and claims as it does inside Vault, and hands out tokens of
// the real server. And the vault command is this test binary under that name, with
// the five subcommands of the set-up. The issuers of GitHub and GitLab and the API
// server of the cluster are stand-ins too.
package pipelines
