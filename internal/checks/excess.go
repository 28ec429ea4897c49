package checks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"goblin/vaultkit/internal/vaulterr"
)

// excess asks for rights to change or destroy what is kept, beyond those of the
// token's roles. Which parameters a policy allows cannot be asked.
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
		return warning(fmt.Sprintf("the token can change or destroy more than a %s needs: %s", roleNames(roles), abbreviate(beyond)), x.policiesFix())
	}
	// More than was asked is not claimed.
	return okay(fmt.Sprintf("of %d rights asked for, to change or destroy keys, backups, records and the mount, it has a %s's alone; "+
		"which parameters its policies allow cannot be asked", asked, roleNames(roles)))
}

// held are the roles whose rights the token should have, or has anyway: as a
// whole, for one of them by itself may be a mistake.
func (x *exam) expectedRoles() []Role {
	return slices.DeleteFunc(slices.Clone(x.Roles), func(role Role) bool {
		return !role.Required && !slices.Contains(x.complete, role.Name)
	})
}

// count says how many rights were asked for, and which of them there are that no
// role has.
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

func roleNames(roles []Role) string {
	var all []string
	for _, role := range roles {
		all = append(all, role.Name)
	}
	return strings.Join(all, " and ")
}

// showPolicies prints what the token's policies are. Which of them goes too far,
// and who else has it, is for a person to see.
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
