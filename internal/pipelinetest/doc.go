// Package pipelinetest contains only tests. They check the files of testdata/pipelines: the
// GitHub workflow is linted, the Kubernetes manifests are decoded strictly, and the shell of
// every step runs on a real Vault, with only the roles that vault-setup.sh creates.
//
// Two things are simulated: the token issuers of GitHub and GitLab, and the cluster's API
// server. The JWT auth methods are Vault's own.
package pipelinetest
