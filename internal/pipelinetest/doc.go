// Package pipelinetest has no code but its tests. They hold the files of
// testdata/pipelines to what they promise: the GitHub workflow is linted, the
// Kubernetes manifests are decoded strictly, and the shell of every step runs
// against a real Vault, with the roles that vault-setup.sh makes and nothing else.
//
// Three things are simulated: the vault command, which is this test binary under that
// name, with the five subcommands of the set-up; the issuers of GitHub and GitLab; and
// the API server of the cluster. The JWT auth methods are Vault's own.
package pipelinetest
