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

// providers lists the providers.
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
			": list the providers, or store a new one with vaultkit put", ListProviders.fix(x.command("list")))
	case len(listed) == 0:
		return warning(fmt.Sprintf("there is none below %s/%s: Vault is new, or --mount or --base is wrong", x.Mount, x.Base), ListMount.fix("vault kv list "+quote(x.Mount+"/")))
	}
	if len(x.names) == 0 {
		x.names = listed
	}
	return okay(abbreviate(x.names))
}

// explainDeniedList says whether the token should be able to list the providers. Only some
// roles can.
func (x *exam) explainDeniedList() Finding {
	x.unusable["providers"] = "the providers are not listed"
	for _, role := range x.Roles {
		list := slices.ContainsFunc(role.Rights(""), func(r Right) bool {
			return r.Capability == "list" && strings.HasSuffix(r.Path, "/"+x.Base+"/providers/")
		})
		if role.Required && list {
			fix := x.grantFix(role.Name)
			return skipped("the token cannot list the providers"+x.describeFix(fix, role.Name), fix)
		}
	}
	return skipped("the token cannot list the providers, and its roles do not need to", noFix)
}

// checkNames warns of listed names that vaultkit does not accept.
func (x *exam) checkNames(context.Context) Finding {
	if len(x.badNames) == 0 {
		return okay("vaultkit accepts every listed name")
	}
	quoted := make([]string, len(x.badNames))
	for i, name := range x.badNames {
		quoted[i] = strconv.Quote(name)
	}
	return warning(fmt.Sprintf("vaultkit does not accept the names %s and leaves them out: a provider's name has letters, digits and . _ -, and starts "+
		"with a letter or digit; a / at the end means a folder. Store these secrets under other names", abbreviate(quoted)),
		ListNames.fix("vault kv list "+quote(x.Mount+"/"+x.Base+"/providers/")))
}

// onlyProvisioner reports whether the only required role is the provisioner, which stores first
// secrets.
func (x *exam) onlyProvisioner() bool {
	return !slices.ContainsFunc(x.Roles, func(role Role) bool { return role.Required && role.Name != "provisioner" })
}

// abbreviate returns a few names and the number of the others.
func abbreviate(names []string) string {
	const few = 5
	if len(names) > few+1 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
	}
	return strings.Join(names, ", ")
}

// statusWorkers limits how many providers are read at the same time.
const statusWorkers = 8

// providerStatus is the status of one provider, from its metadata.
type providerStatus struct {
	rotation.Status
	err error
}

// readStatuses reads the status of every provider, once for all checks. If it cannot, instead
// is the finding of the check.
func (x *exam) readStatuses(ctx context.Context) (found []providerStatus, instead *Finding) {
	if x.results == nil {
		engine := &rotation.Engine{Store: x.store, Backoff: x.Backoff, Now: time.Now}
		x.results = slices.Collect(parallel.Stream(statusWorkers, x.names, func(provider string) providerStatus {
			status, err := engine.Status(ctx, provider)
			return providerStatus{status, err}
		}))
	}
	if len(x.names) == 0 {
		return nil, new(skipped("there is no provider to check", noFix))
	}
	for _, one := range x.results {
		switch {
		case errors.Is(one.err, vaulterr.ErrPermissionDenied):
			return nil, new(x.mayNotLook())
		case errors.Is(one.err, vaulterr.ErrNotFound): // deleted meanwhile, or not stored yet
		case one.err != nil:
			return nil, new(failed(one.err, "", x.healthFix()))
		default:
			found = append(found, one)
		}
	}
	return found, nil
}

// mayNotLook is the finding for a token that cannot read the status of the providers. A login that
// setup made for another role is as it should be.
func (x *exam) mayNotLook() Finding {
	fix := x.grantFix("monitor")
	if fix.Kind == AskForRole {
		_, made := x.setupRole()
		return skipped(withArticle(made)+" may not look: use a monitor's token", noFix)
	}
	return skipped("the token may not look for unfinished rotations and deletions"+x.describeFix(fix, "monitor"), fix)
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
	return warning(fmt.Sprintf("rotations without a record: %d, of %s; they crashed or are still running", len(ids), abbreviate(crashed)),
		Recover.fix(x.command("recover "+strings.Join(crashed, " "))))
}
