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
	listed, err := x.store.List(ctx, kv.EntryName{"providers"})
	switch {
	case errors.Is(err, vaulterr.ErrPermissionDenied):
		return x.explainDeniedList()
	case err != nil:
		return failed(err, "", x.healthFix())
	}
	slices.Sort(listed)
	listed, x.badNames = kv.SplitNames(listed)
	missing := slices.DeleteFunc(slices.Clone(x.Providers), func(name string) bool { return slices.Contains(listed, name) })
	switch {
	case len(missing) > 0 && x.onlyProvisioner():
		return okay("nothing is stored yet for " + strings.Join(missing, ", "))
	case len(missing) > 0:
		return failed(&vaulterr.Error{Kind: vaulterr.ErrNotFound}, "there is no "+strings.Join(missing, ", no ")+
			": look at the names there are; a new one is stored by vaultkit put", ListProviders.fix(x.command("list")))
	case len(listed) == 0:
		return warning(fmt.Sprintf("none below %s/%s: a new Vault, or the wrong --mount or --base", x.Mount, x.Base), ListMount.fix("vault kv list "+quote(x.Mount+"/")))
	}
	if len(x.names) == 0 {
		x.names = listed
	}
	return okay(abbreviate(x.names))
}

// mayNotList: only some roles may.
func (x *exam) explainDeniedList() Finding {
	x.unusable["providers"] = "the providers are not listed"
	for _, role := range x.Roles {
		list := slices.ContainsFunc(role.Rights(""), func(r Right) bool {
			return r.Capability == "list" && strings.HasSuffix(r.Path, "/"+x.Base+"/providers/")
		})
		if role.Required && list {
			fix := x.grantFix(role.Name)
			return skipped("the token may not list them"+x.describeFix(fix), fix)
		}
	}
	return skipped("the token may not list them, and need not", noFix)
}

// oddNames are in the list of providers, and vaultkit takes them for none.
func (x *exam) checkNames(context.Context) Finding {
	if len(x.badNames) == 0 {
		return okay("vaultkit takes every name that is listed")
	}
	quoted := make([]string, len(x.badNames))
	for i, name := range x.badNames {
		quoted[i] = strconv.Quote(name)
	}
	return warning(fmt.Sprintf("vaultkit does not take %s for the names of providers, and leaves them out: a name is letters, digits and . _ - after a first "+
		"letter or digit; a / at the end is a folder's. Store what is there under another name", abbreviate(quoted)),
		ListNames.fix("vault kv list "+quote(x.Mount+"/"+x.Base+"/providers/")))
}

// storesFirst reports that only the work before there is a provider is asked about.
func (x *exam) onlyProvisioner() bool {
	return !slices.ContainsFunc(x.Roles, func(role Role) bool { return role.Required && role.Name != "provisioner" })
}

// some names a few and counts the rest.
func abbreviate(names []string) string {
	const few = 5
	if len(names) > few+1 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
	}
	return strings.Join(names, ", ")
}

// statusWorkers bounds how many providers are looked at concurrently.
const statusWorkers = 8

// look is what the metadata of one provider says.
type providerStatus struct {
	rotation.Status
	err error
}

// statuses looks at every provider, once for all checks that need it. What is found
// instead of them is a finding of its own.
func (x *exam) readStatuses(ctx context.Context) (found []providerStatus, instead *Finding) {
	if x.results == nil {
		engine := &rotation.Engine{Store: x.store, Backoff: x.Backoff, Now: time.Now}
		x.results = slices.Collect(parallel.Stream(statusWorkers, x.names, func(provider string) providerStatus {
			status, err := engine.Status(ctx, provider)
			return providerStatus{status, err}
		}))
	}
	if len(x.names) == 0 {
		return nil, new(skipped("there is no provider to look at", noFix))
	}
	for _, one := range x.results {
		switch {
		case errors.Is(one.err, vaulterr.ErrPermissionDenied):
			fix := x.grantFix("monitor")
			return nil, new(skipped("the token may not look for them"+x.describeFix(fix), fix))
		case errors.Is(one.err, vaulterr.ErrNotFound): // gone since, or not stored yet
		case one.err != nil:
			return nil, new(failed(one.err, "", x.healthFix()))
		default:
			found = append(found, one)
		}
	}
	return found, nil
}

// pending looks for rotations without a record.
func (x *exam) pending(ctx context.Context) Finding {
	looks, instead := x.readStatuses(ctx)
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
	return warning(fmt.Sprintf("%d without a record, crashed or under way, of %s", len(ids), abbreviate(crashed)),
		Recover.fix(x.command("recover "+strings.Join(crashed, " "))))
}
