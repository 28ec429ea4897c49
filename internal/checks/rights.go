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
	needs, everywhere := x.about(role.Rights), need{"", role.Rights("")}
	granted, err := x.granted(ctx, append(slices.Clone(needs), everywhere))
	switch {
	case errors.Is(err, vaulterr.ErrPermissionDenied):
		return skipped(mayNotAsk, x.allowAsking())
	case err != nil:
		return failed(err, "", x.curl())
	}
	return x.judge(role, needs, everywhere, granted)
}

const mayNotAsk = "the token may not ask for its capabilities (update on sys/capabilities-self)"

// need is what is asked for about one provider, or about any: "".
type need struct {
	provider string
	rights   []Right
}

// about asks for the rights over each provider, as far as they are known.
func (x *exam) about(rights func(provider string) []Right) []need {
	if len(x.names) == 0 {
		return []need{{"", rights("")}}
	}
	var all []need
	for _, provider := range x.names {
		all = append(all, need{provider, rights(provider)})
	}
	return all
}

// atOnce is for how many providers one request asks.
const atOnce = 100

// grants are a token's capabilities, by path.
type grants map[string][]string

func (g grants) has(r Right) bool {
	return slices.Contains(g[r.Path], r.Capability) || slices.Contains(g[r.Path], "root")
}

// any reports a capability at all.
func (g grants) any(path string) bool { return len(g[path]) > 0 && !slices.Contains(g[path], "deny") }

// granted asks which of the rights there are.
func (x *exam) granted(ctx context.Context, needs []need) (grants, error) {
	granted := grants{}
	for some := range slices.Chunk(needs, atOnce) {
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
	bounded, cancel := context.WithTimeout(ctx, x.Bound)
	defer cancel()
	return x.store.Capabilities(bounded, paths)
}

// judge says for whom which rights are missing. Those that are there for every provider
// and not for one are hidden by another policy.
func (x *exam) judge(role Role, needs []need, everywhere need, granted grants) Finding {
	var complete, lacking, hidden []string
	var missing []Right
	has := granted.has
	entitled := false // to anything that only this role may
	for _, one := range needs {
		entitled = entitled || slices.ContainsFunc(one.rights, func(r Right) bool { return r.Own && has(r) })
		lacks := slices.DeleteFunc(slices.Clone(one.rights), has)
		if len(lacks) == 0 {
			complete = append(complete, one.provider)
			continue
		}
		if hides(one, everywhere, has) {
			hidden = append(hidden, one.provider)
		}
		if lacking = append(lacking, one.provider); len(lacking) == 1 || len(x.Providers) > 0 {
			missing = append(missing, lacks...)
		}
	}
	detail := lack(missing)
	if more := len(lacking) - 1; more > 0 && len(x.Providers) == 0 {
		detail += fmt.Sprintf("; likewise for %d more providers", more)
	}
	switch {
	case len(lacking) == 0:
		x.complete = append(x.complete, role.Name)
		return okay("every right it needs" + x.forWhom(complete))
	case !role.Required && !entitled:
		return skipped("not what this token is for", AskForRole.by(x.command("doctor --role "+role.Name)))
	case len(hidden) > 0:
		return x.hidden(role, missing[0], detail, hidden)
	case len(x.Providers) == 0 && len(complete) > 0:
		return warning("for "+some(complete)+" only: "+detail, AskForProviders.by(x.command("doctor "+strings.Join(complete, " "))))
	}
	fix := x.grant(role.Name)
	return x.lacks(role, missing[0], detail+x.whoGets(fix), fix)
}

// lacks is a failure only for whoever must have the role.
func (x *exam) lacks(role Role, first Right, detail string, fix Fix) Finding {
	if !role.Required {
		return warning(detail, fix)
	}
	return failed(&vaulterr.Error{Kind: vaulterr.ErrPermissionDenied, Path: first.Path, Capability: first.Capability}, detail, fix)
}

// hidden: to write one more policy is no help. Which one is to go is for a person to see.
func (x *exam) hidden(role Role, first Right, detail string, providers []string) Finding {
	return x.lacks(role, first, detail+"; it has the same for every other provider, and a policy for "+some(providers)+
		" alone hides that, or denies it: a token needs either general policies or narrowed ones", x.showPolicies())
}

// hides reports a right over every provider that is missing over this one.
func hides(one, everywhere need, has func(Right) bool) bool {
	for i, right := range one.rights {
		if general := everywhere.rights[i]; general.Path != right.Path && has(general) && !has(right) {
			return true
		}
	}
	return false
}

func (x *exam) forWhom(providers []string) string {
	if len(x.names) == 0 {
		return ", for any provider"
	}
	return ", for " + some(providers)
}

// lack names every missing right.
func lack(missing []Right) string {
	var texts []string
	for _, right := range missing {
		if text := right.Capability + " on " + right.Path; !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return "lacks " + strings.Join(texts, ", ")
}
