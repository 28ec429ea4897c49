package checks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/rotation"
	"goblin/vaultkit/internal/vaulterr"
)

// providers finds out which there are.
func (x *exam) providers(ctx context.Context) Finding {
	x.names = x.Providers
	listed, err := x.store.List(ctx, kv.Key{"providers"})
	switch {
	case errors.Is(err, vaulterr.ErrPermissionDenied):
		return x.mayNotList()
	case err != nil:
		return failed(err, "", x.curl())
	}
	slices.Sort(listed)
	listed, x.refused = kv.SplitNames(listed)
	missing := slices.DeleteFunc(slices.Clone(x.Providers), func(name string) bool { return slices.Contains(listed, name) })
	switch {
	case len(missing) > 0 && x.storesFirst():
		return okay("nothing is stored yet for " + strings.Join(missing, ", "))
	case len(missing) > 0:
		return failed(&vaulterr.Error{Kind: vaulterr.ErrNotFound}, "there is no "+strings.Join(missing, ", no ")+
			": look at the names there are; a new one is stored by vaultkit put", ListProviders.by(x.command("list")))
	case len(listed) == 0:
		return warning(fmt.Sprintf("none below %s/%s: a new Vault, or the wrong --mount or --base", x.Mount, x.Base), ListMount.by("vault kv list "+quote(x.Mount+"/")))
	}
	if len(x.names) == 0 {
		x.names = listed
	}
	return okay(some(x.names))
}

// mayNotList: only some roles may.
func (x *exam) mayNotList() Finding {
	x.lost["providers"] = "the providers are not listed"
	for _, role := range x.Roles {
		list := slices.ContainsFunc(role.Rights(""), func(r Right) bool {
			return r.Capability == "list" && strings.HasSuffix(r.Path, "/"+x.Base+"/providers/")
		})
		if role.Required && list {
			fix := x.grant(role.Name)
			return skipped("the token may not list them"+x.whoGets(fix), fix)
		}
	}
	return skipped("the token may not list them, and need not", none)
}

// oddNames are in the list of providers, and vaultkit takes them for none.
func (x *exam) oddNames(context.Context) Finding {
	if len(x.refused) == 0 {
		return okay("vaultkit takes every name that is listed")
	}
	quoted := make([]string, len(x.refused))
	for i, name := range x.refused {
		quoted[i] = strconv.Quote(name)
	}
	return warning(fmt.Sprintf("vaultkit does not take %s for the names of providers, and leaves them out: a name is letters, digits and . _ - after a first "+
		"letter or digit; a / at the end is a folder's. Store what is there under another name", some(quoted)),
		ListNames.by("vault kv list "+quote(x.Mount+"/"+x.Base+"/providers/")))
}

// storesFirst reports that only the work before there is a provider is asked about.
func (x *exam) storesFirst() bool {
	return !slices.ContainsFunc(x.Roles, func(role Role) bool { return role.Required && role.Name != "provisioner" })
}

// some names a few and counts the rest.
func some(names []string) string {
	const few = 5
	if len(names) > few+1 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
	}
	return strings.Join(names, ", ")
}

// statusWorkers bounds how many providers are looked at concurrently.
const statusWorkers = 8

// look is what the metadata of one provider says.
type look struct {
	rotation.Status
	err error
}

// statuses looks at every provider, once for all checks that need it. What is found
// instead of them is a finding of its own.
func (x *exam) statuses(ctx context.Context) (found []look, instead *Finding) {
	if x.looks == nil {
		engine := &rotation.Engine{Store: x.store, Backoff: x.Backoff, Now: time.Now}
		x.looks = slices.Collect(parallel.Stream(statusWorkers, x.names, func(provider string) look {
			status, err := engine.Status(ctx, provider)
			return look{status, err}
		}))
	}
	if len(x.names) == 0 {
		return nil, new(skipped("there is no provider to look at", none))
	}
	for _, one := range x.looks {
		switch {
		case errors.Is(one.err, vaulterr.ErrPermissionDenied):
			fix := x.grant("monitor")
			return nil, new(skipped("the token may not look for them"+x.whoGets(fix), fix))
		case errors.Is(one.err, vaulterr.ErrNotFound): // gone since, or not stored yet
		case one.err != nil:
			return nil, new(failed(one.err, "", x.curl()))
		default:
			found = append(found, one)
		}
	}
	return found, nil
}

// pending looks for rotations without a record.
func (x *exam) pending(ctx context.Context) Finding {
	looks, instead := x.statuses(ctx)
	if instead != nil {
		return *instead
	}
	var crashed, ids []string
	for _, one := range looks {
		if len(one.Pending) > 0 {
			crashed, ids = append(crashed, one.Provider), append(ids, one.Pending...)
		}
	}
	if len(ids) == 0 {
		return okay("every rotation has its record")
	}
	return warning(fmt.Sprintf("%d without a record, crashed or under way, of %s", len(ids), some(crashed)),
		Recover.by(x.command("recover "+strings.Join(crashed, " "))))
}
