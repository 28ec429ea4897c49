package checks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"goblin/vaultkit/internal/vaulterr"
)

// rights checks every right that a role needs.
func (x *exam) rights(ctx context.Context, role Role) Finding {
	wanted, everywhere := x.rightsByProvider(role.Rights), providerRights{"", role.Rights("")}
	granted, err := x.granted(ctx, append(slices.Clone(wanted), everywhere))
	switch {
	case errors.Is(err, vaulterr.ErrPermissionDenied):
		return skipped(cannotQuery, x.queryFix())
	case err != nil:
		return failed(err, "", x.healthFix())
	}
	return x.compareRights(role, wanted, everywhere, granted)
}

const cannotQuery = "the token cannot query its own capabilities (update on sys/capabilities-self)"

// providerRights holds the rights to check for one provider, or for any ("").
type providerRights struct {
	provider string
	rights   []Right
}

// rightsByProvider returns the rights for each provider, or for any if the providers are
// unknown.
func (x *exam) rightsByProvider(rights func(provider string) []Right) []providerRights {
	if len(x.names) == 0 {
		return []providerRights{{"", rights("")}}
	}
	var all []providerRights
	for _, provider := range x.names {
		all = append(all, providerRights{provider, rights(provider)})
	}
	return all
}

// providersPerRequest is the number of providers in one request.
const providersPerRequest = 100

// grants holds a token's capabilities, by path.
type grants map[string][]string

func (g grants) has(r Right) bool {
	return slices.Contains(g[r.Path], r.Capability) || slices.Contains(g[r.Path], "root")
}

// hasAny reports whether the token has any capability on the path.
func (g grants) hasAny(path string) bool {
	return len(g[path]) > 0 && !slices.Contains(g[path], "deny")
}

// granted returns the token's capabilities on the paths of the rights.
func (x *exam) granted(ctx context.Context, wanted []providerRights) (grants, error) {
	granted := grants{}
	for some := range slices.Chunk(wanted, providersPerRequest) {
		var paths []string
		for _, one := range some {
			for _, right := range one.rights {
				paths = append(paths, right.Path)
			}
		}
		answer, err := x.capabilities(ctx, paths)
		if err != nil {
			return nil, err
		}
		maps.Copy(granted, answer)
	}
	return granted, nil
}

func (x *exam) capabilities(ctx context.Context, paths []string) (map[string][]string, error) {
	bounded, cancel := context.WithTimeout(ctx, x.Timeout)
	defer cancel()
	return x.store.Capabilities(bounded, paths)
}

// compareRights finds out for which providers rights are missing. If the token has a right for
// every provider but not for this one, another policy hides it.
func (x *exam) compareRights(role Role, wanted []providerRights, everywhere providerRights, granted grants) Finding {
	var complete, lacking, hidden []string
	var missing []Right
	has := granted.has
	entitled := false // to a right that only this role has
	for _, one := range wanted {
		entitled = entitled || slices.ContainsFunc(one.rights, func(r Right) bool { return r.Own && has(r) })
		lacks := slices.DeleteFunc(slices.Clone(one.rights), has)
		if len(lacks) == 0 {
			complete = append(complete, one.provider)
			continue
		}
		if isHidden(one, everywhere, has) {
			hidden = append(hidden, one.provider)
		}
		if lacking = append(lacking, one.provider); len(lacking) == 1 || len(x.Providers) > 0 {
			missing = append(missing, lacks...)
		}
	}
	detail := listMissing(missing)
	if more := len(lacking) - 1; more > 0 && len(x.Providers) == 0 {
		detail += fmt.Sprintf("; likewise for %d more providers", more)
	}
	switch {
	case len(lacking) == 0:
		x.complete = append(x.complete, role.Name)
		return okay("every right it needs" + x.forProviders(complete))
	case !role.Required && !entitled:
		return skipped("not what this token is for", AskForRole.fix(x.command("doctor --role "+role.Name)))
	case len(hidden) > 0:
		return x.hiddenRights(role, missing[0], detail, hidden)
	case len(x.Providers) == 0 && len(complete) > 0:
		return warning("for "+abbreviate(complete)+" only: "+detail, AskForProviders.fix(x.command("doctor "+strings.Join(complete, " "))))
	}
	fix := x.grantFix(role.Name)
	return x.lacksRights(role, missing[0], detail+x.describeFix(fix, role.Name), fix)
}

// lacksRights returns a failure if the role is required, and otherwise a warning.
func (x *exam) lacksRights(role Role, first Right, detail string, fix Fix) Finding {
	if !role.Required {
		return warning(detail, fix)
	}
	return failed(&vaulterr.Error{Kind: vaulterr.ErrPermissionDenied, Path: first.Path, Capability: first.Capability}, detail, fix)
}

// hiddenRights returns the finding for rights that another policy hides. Another policy would
// not help, so a person must decide which one to remove.
func (x *exam) hiddenRights(role Role, first Right, detail string, providers []string) Finding {
	return x.lacksRights(role, first, detail+"; it has them for every other provider, and a policy for "+abbreviate(providers)+
		" alone hides that, or denies it: give the token either general policies or policies for single providers", x.policiesFix())
}

// isHidden reports whether the token has a right for every provider, but not for this one.
func isHidden(one, everywhere providerRights, has func(Right) bool) bool {
	for i, right := range one.rights {
		if general := everywhere.rights[i]; general.Path != right.Path && has(general) && !has(right) {
			return true
		}
	}
	return false
}

func (x *exam) forProviders(providers []string) string {
	if len(x.names) == 0 {
		return ", for any provider"
	}
	return ", for " + abbreviate(providers)
}

// listMissing lists every missing right.
func listMissing(missing []Right) string {
	var texts []string
	for _, right := range missing {
		if text := right.Capability + " on " + right.Path; !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return "lacks " + strings.Join(texts, ", ")
}
