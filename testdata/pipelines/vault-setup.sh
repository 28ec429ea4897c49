#!/usr/bin/env bash
# Sets Vault up for the pipelines and manifests beside this file: a policy for each
# role of vaultkit that they need, and who may take it. An administrator runs it,
# with vault and vaultkit on the PATH, VAULT_ADDR and VAULT_TOKEN; again, after a
# change, is fine. Leave out what you don't have.
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

# method mounts and configures an auth method. One that is there already may be what
# others log in with: it stays as it is, but for the roles below.
# method PATH TYPE CONFIG...
method() {
	local path=$1 type=$2 methods
	shift 2
	methods=$(vault auth list -format=json)
	if grep -qF "\"$path/\"" <<<"$methods"; then
		echo "auth/$path is there already: to change its config, write auth/$path/config" >&2
		return
	fi
	vault auth enable -path="$path" "$type"
	vault write "auth/$path/config" "$@" || { vault auth disable "$path"; exit 1; }
}

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

# Rotating is for runs of the protected branch that somebody started by hand, in the
# environment that somebody approves; watching for those by schedule, on GitHub by hand
# too. There another workflow gets neither.
method jwt-github jwt oidc_discovery_url="$GITHUB_ISSUER" bound_issuer="$GITHUB_ISSUER"
github=$(cat <<-JSON
	"repository": "$GITHUB_REPOSITORY", "repository_id": "$GITHUB_REPOSITORY_ID", "ref": "refs/heads/$BRANCH",
	"workflow_ref": "$GITHUB_REPOSITORY/$GITHUB_WORKFLOW_FILE@refs/heads/$BRANCH"
JSON
)
ci_role jwt-github goblin-monitor repository "$github, \"event_name\": [\"schedule\", \"workflow_dispatch\"]"
ci_role jwt-github goblin-rotator repository "$github, \"event_name\": \"workflow_dispatch\", \"environment\": \"production\""

method jwt-gitlab jwt oidc_discovery_url="$GITLAB_ISSUER" bound_issuer="$GITLAB_ISSUER"
gitlab=$(cat <<-JSON
	"project_path": "$GITLAB_PROJECT", "project_id": "$GITLAB_PROJECT_ID",
	"ref_type": "branch", "ref": "$BRANCH", "ref_protected": "true"
JSON
)
ci_role jwt-gitlab goblin-monitor project_path "$gitlab, \"pipeline_source\": \"schedule\""
ci_role jwt-gitlab goblin-rotator project_path "$gitlab, \"pipeline_source\": \"web\",
	\"environment\": \"production\", \"environment_protected\": \"$GITLAB_ENVIRONMENT_PROTECTED\""

# The pods of kubernetes/: a service account each, with tokens for Vault alone.
method "$KUBERNETES_MOUNT" kubernetes kubernetes_host="$KUBERNETES_HOST" \
	${KUBERNETES_CA_CERT:+kubernetes_ca_cert=@"$KUBERNETES_CA_CERT"} \
	${TOKEN_REVIEWER_JWT:+token_reviewer_jwt=@"$TOKEN_REVIEWER_JWT"}
pod_role() {
	vault write "auth/$KUBERNETES_MOUNT/role/$1" bound_service_account_names="$2" bound_service_account_namespaces=goblin \
		audience=vault token_policies="$1" token_no_default_policy=true token_ttl=1h
}
pod_role goblin-reader goblin-assistant
pod_role goblin-monitor goblin-key-status
