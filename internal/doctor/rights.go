package doctor

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
	needs := x.about(role.Rights)
	has, err := x.granted(ctx, needs)
	switch {
	case errors.Is(err, vaulterr.ErrPermissionDenied):
		return skipped(mayNotAsk, x.policy(role.Name))
	case err != nil:
		return failed(err, "", x.curl())
	}
	return x.judge(role, needs, has)
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

// granted asks which of the rights there are.
func (x *exam) granted(ctx context.Context, needs []need) (has func(Right) bool, err error) {
	granted := map[string][]string{}
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
	return func(r Right) bool {
		return slices.Contains(granted[r.Path], r.Capability) || slices.Contains(granted[r.Path], "root")
	}, nil
}

func (x *exam) capabilities(ctx context.Context, paths []string) (map[string][]string, error) {
	bounded, cancel := context.WithTimeout(ctx, x.Bound)
	defer cancel()
	return x.store.Capabilities(bounded, paths)
}

// judge says for whom which rights are missing.
func (x *exam) judge(role Role, needs []need, has func(Right) bool) Finding {
	var complete, lacking []string
	var missing []Right
	entitled := false // to anything that only this role may
	for _, one := range needs {
		entitled = entitled || slices.ContainsFunc(one.rights, func(r Right) bool { return r.Own && has(r) })
		lacks := slices.DeleteFunc(slices.Clone(one.rights), has)
		if len(lacks) == 0 {
			complete = append(complete, one.provider)
			continue
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
		return skipped("not what this token is for", x.command("doctor --role "+role.Name))
	case len(x.Providers) == 0 && len(complete) > 0:
		return warning("for "+some(complete)+" only: "+detail, x.command("doctor "+strings.Join(complete, " ")))
	case !role.Required:
		return warning(detail+x.attach(role.Name), x.policy(role.Name))
	}
	first := missing[0]
	return failed(&vaulterr.Error{Kind: vaulterr.ErrPermissionDenied, Path: first.Path, Capability: first.Capability},
		detail+x.attach(role.Name), x.policy(role.Name))
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
