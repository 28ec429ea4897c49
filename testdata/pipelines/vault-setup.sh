#!/usr/bin/env bash
# Sets Vault up for the pipelines and manifests beside this file: a policy for each
# role of vaultkit that they need, and who may take it. An administrator runs it,
# with vaultkit on the PATH, VAULT_ADDR and VAULT_TOKEN. A second run changes nothing.
# Leave out what you don't have. --dry-run in place of --yes shows what it will do.
set -euo pipefail

# Names can be given away and taken by somebody else; numbers are for good. GitHub's:
# gh api repos/OWNER/NAME --jq .id, GitLab's: in the menu of the project's page.
: "${GITHUB_REPOSITORY:=goblin/assistant}"     # the repository with the workflow
: "${GITHUB_REPOSITORY_ID:?is not set: the number of the repository}"
: "${GITHUB_WORKFLOW_FILE:=.github/workflows/github-rotate.yml}"
: "${GITLAB_PROJECT:=goblin/assistant}"        # the project with the pipeline
: "${GITLAB_PROJECT_ID:?is not set: the number of the project}"
: "${GITLAB_ENVIRONMENT_PROTECTED:=true}"      # false: GitLab Free cannot protect one
: "${BRANCH:=main}"                            # the protected branch both run on
: "${GITHUB_ISSUER:=https://token.actions.githubusercontent.com}"
: "${GITLAB_ISSUER:=https://gitlab.com}"
: "${KUBERNETES_MOUNT:=kubernetes}"            # VAULTKIT_KUBERNETES_MOUNT of the pods
: "${KUBERNETES_HOST:=https://kubernetes.default.svc}" # as Vault sees the API server
# Where Vault runs outside the cluster, files with the cluster's CA and with a token
# of an account that is bound to system:auth-delegator:
: "${KUBERNETES_CA_CERT:=}" "${TOKEN_REVIEWER_JWT:=}"

# Rotating is for runs of the protected branch that somebody started by hand, in the
# environment that somebody approves. Watching is for those by schedule, on GitHub by
# hand too. Revoking old keys is for those by schedule alone. The pods have a service
# account each, with tokens for Vault alone.
vaultkit setup --yes --branch "$BRANCH" --environment production \
	--github "$GITHUB_REPOSITORY" --github-id "$GITHUB_REPOSITORY_ID" \
	--github-workflow "$GITHUB_WORKFLOW_FILE" --github-issuer "$GITHUB_ISSUER" \
	--gitlab "$GITLAB_PROJECT" --gitlab-id "$GITLAB_PROJECT_ID" --gitlab-issuer "$GITLAB_ISSUER" \
	$([ "$GITLAB_ENVIRONMENT_PROTECTED" = true ] || echo --gitlab-free) \
	--kubernetes reader=goblin/goblin-assistant --kubernetes monitor=goblin/goblin-key-status \
	--kubernetes-path "$KUBERNETES_MOUNT" --kubernetes-host "$KUBERNETES_HOST" \
	${KUBERNETES_CA_CERT:+--kubernetes-ca "$KUBERNETES_CA_CERT"} \
	${TOKEN_REVIEWER_JWT:+--kubernetes-reviewer-jwt "$TOKEN_REVIEWER_JWT"}
