#!/usr/bin/env bash
# Sets Vault up for the pipelines and manifests beside this file: a policy for each
# role of vaultkit that they need, and who may take it. An administrator runs it,
# with vault and vaultkit on the PATH, VAULT_ADDR and VAULT_TOKEN; again, after a
# change, is fine. Leave out what you don't have.
set -euo pipefail

: "${GITHUB_REPOSITORY:=goblin/assistant}"     # the repository with the workflow
: "${GITLAB_PROJECT:=goblin/assistant}"        # the project with the pipeline
: "${BRANCH:=main}"                            # the protected branch both run on
: "${GITHUB_ISSUER:=https://token.actions.githubusercontent.com}"
: "${GITLAB_ISSUER:=https://gitlab.com}"
: "${KUBERNETES_HOST:=https://kubernetes.default.svc}" # as Vault sees the API server
# Where Vault runs outside the cluster, files with the cluster's CA and with a token
# of an account that is bound to system:auth-delegator:
: "${KUBERNETES_CA_CERT:=}" "${TOKEN_REVIEWER_JWT:=}"

# enable mounts an auth method where there is none yet.
enable() { vault auth list -format=json | grep -q "\"$1/\"" || vault auth enable -path="$1" "$2"; }

for role in reader monitor rotator; do
	# Narrower: --provider openai-gpt4, once for each.
	vaultkit policy "$role" | vault policy write "goblin-$role" -
done

# The jobs of a pipeline: ten minutes, and nothing but their policy.
# ci_role MOUNT ROLE CLAIM CLAIMS
ci_role() {
	vault write "auth/$1/role/$2" - <<-JSON
		{
		  "role_type": "jwt", "user_claim": "$3", "bound_audiences": ["vault"], "bound_claims": {$4},
		  "token_policies": ["$2"], "token_no_default_policy": true, "token_ttl": "10m", "token_max_ttl": "20m"
		}
	JSON
}

# Rotating is for runs of the protected branch in the environment that somebody
# approves; watching for any run of the branch.
enable jwt-github jwt
vault write auth/jwt-github/config oidc_discovery_url="$GITHUB_ISSUER" bound_issuer="$GITHUB_ISSUER"
github="\"repository\": \"$GITHUB_REPOSITORY\", \"ref\": \"refs/heads/$BRANCH\""
ci_role jwt-github goblin-monitor repository "$github"
ci_role jwt-github goblin-rotator repository "$github, \"environment\": \"production\""

enable jwt-gitlab jwt
vault write auth/jwt-gitlab/config oidc_discovery_url="$GITLAB_ISSUER" bound_issuer="$GITLAB_ISSUER"
gitlab="\"project_path\": \"$GITLAB_PROJECT\", \"ref_type\": \"branch\", \"ref\": \"$BRANCH\", \"ref_protected\": \"true\""
ci_role jwt-gitlab goblin-monitor project_path "$gitlab"
ci_role jwt-gitlab goblin-rotator project_path "$gitlab, \"environment\": \"production\""

# The pods of kubernetes/: a service account each, with tokens for Vault alone.
enable kubernetes kubernetes
vault write auth/kubernetes/config kubernetes_host="$KUBERNETES_HOST" \
	${KUBERNETES_CA_CERT:+kubernetes_ca_cert=@"$KUBERNETES_CA_CERT"} \
	${TOKEN_REVIEWER_JWT:+token_reviewer_jwt=@"$TOKEN_REVIEWER_JWT"}
pod_role() {
	vault write "auth/kubernetes/role/$1" bound_service_account_names="$2" bound_service_account_namespaces=goblin \
		audience=vault token_policies="$1" token_no_default_policy=true token_ttl=1h
}
pod_role goblin-reader goblin-assistant
pod_role goblin-monitor goblin-key-status
