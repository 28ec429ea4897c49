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

// rights asks for everything that a role needs.
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

const cannotQuery = "the token may not ask for its capabilities (update on sys/capabilities-self)"

// need is what is asked for about one provider, or about any: "".
type providerRights struct {
	provider string
	rights   []Right
}

// about asks for the rights over each provider, as far as they are known.
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

// atOnce is for how many providers one request asks.
const providersPerRequest = 100

// grants are a token's capabilities, by path.
type grants map[string][]string

func (g grants) has(r Right) bool {
	return slices.Contains(g[r.Path], r.Capability) || slices.Contains(g[r.Path], "root")
}

// any reports a capability at all.
func (g grants) hasAny(path string) bool {
	return len(g[path]) > 0 && !slices.Contains(g[path], "deny")
}

// granted asks which of the rights there are.
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

// judge says for whom which rights are missing. Those that are there for every provider
// and not for one are hidden by another policy.
func (x *exam) compareRights(role Role, wanted []providerRights, everywhere providerRights, granted grants) Finding {
	var complete, lacking, hidden []string
	var missing []Right
	has := granted.has
	entitled := false // to anything that only this role may
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
	return x.lacksRights(role, missing[0], detail+x.describeFix(fix), fix)
}

// lacks is a failure only for whoever must have the role.
func (x *exam) lacksRights(role Role, first Right, detail string, fix Fix) Finding {
	if !role.Required {
		return warning(detail, fix)
	}
	return failed(&vaulterr.Error{Kind: vaulterr.ErrPermissionDenied, Path: first.Path, Capability: first.Capability}, detail, fix)
}

// hidden: to write one more policy is no help. Which one is to go is for a person to see.
func (x *exam) hiddenRights(role Role, first Right, detail string, providers []string) Finding {
	return x.lacksRights(role, first, detail+"; it has the same for every other provider, and a policy for "+abbreviate(providers)+
		" alone hides that, or denies it: a token needs either general policies or narrowed ones", x.policiesFix())
}

// hides reports a right over every provider that is missing over this one.
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

// lack names every missing right.
func listMissing(missing []Right) string {
	var texts []string
	for _, right := range missing {
		if text := right.Capability + " on " + right.Path; !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return "lacks " + strings.Join(texts, ", ")
}
