package checks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"goblin/vaultkit/internal/vaulterr"
)

// excess checks whether the token can change or destroy more than its roles need. Vault does
// not tell which parameters a policy allows.
func (x *exam) excess(ctx context.Context) Finding {
	if slices.Contains(x.policies, "root") {
		return skipped("a root token may do everything", noFix)
	}
	wanted := x.rightsByProvider(x.Harmful)
	granted, err := x.granted(ctx, wanted)
	switch {
	case errors.Is(err, vaulterr.ErrPermissionDenied):
		return skipped(cannotQuery, x.queryFix())
	case err != nil:
		return failed(err, "", x.healthFix())
	}
	roles := x.expectedRoles()
	asked, beyond := countExcess(wanted, roles, granted.has)
	if len(beyond) > 0 {
		return warning(fmt.Sprintf("the token can change or destroy more than %s needs: %s", roleNames(roles), abbreviate(beyond)), x.policiesFix())
	}
	// The result claims only what was checked: the token may lack the rights that its roles need.
	return okay(fmt.Sprintf("checked %d rights to change or destroy keys, backups, records and the mount: "+
		"the token has none that %s does not need; the parameters that its policies allow cannot be checked", asked, roleNames(roles)))
}

// expectedRoles returns the roles that the token must have, and those that it has completely. A
// single right of a role may be a mistake.
func (x *exam) expectedRoles() []Role {
	return slices.DeleteFunc(slices.Clone(x.Roles), func(role Role) bool {
		return !role.Required && !slices.Contains(x.complete, role.Name)
	})
}

// countExcess returns the number of rights that were checked, and those that the token has and
// no role needs.
func countExcess(wanted []providerRights, roles []Role, has func(Right) bool) (asked int, beyond []string) {
	seen := map[Right]bool{}
	for _, one := range wanted {
		own := rightsOf(roles, one.provider)
		for _, right := range one.rights {
			if seen[right] {
				continue
			}
			seen[right] = true
			if !own[right] && has(right) {
				beyond = append(beyond, right.Capability+" on "+right.Path)
			}
		}
	}
	return len(seen), beyond
}

func rightsOf(roles []Role, provider string) map[Right]bool {
	own := map[Right]bool{}
	for _, role := range roles {
		for _, right := range role.Rights(provider) {
			own[Right{Path: right.Path, Capability: right.Capability}] = true
		}
	}
	return own
}

// roleNames returns the names of the roles with their articles.
func roleNames(roles []Role) string {
	var all []string
	for _, role := range roles {
		all = append(all, withArticle(role.Name))
	}
	return strings.Join(all, " or ")
}

// withArticle returns the name of a role with its article.
func withArticle(role string) string {
	if strings.HasPrefix(role, "a") {
		return "an " + role
	}
	return "a " + role
}

// policiesFix prints the token's policies. A person must decide which of them allows too much,
// and who else uses it.
func (x *exam) policiesFix() Fix {
	var lines []string
	for _, name := range x.policies {
		if name != "default" {
			lines = append(lines, "vault policy read "+quote(name))
		}
	}
	if len(lines) == 0 {
		return LookUpToken.fix("vault token lookup")
	}
	return ReadOwnPolicies.fix(strings.Join(lines, " && "))
}
